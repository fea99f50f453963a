import type { Env } from '../config/environment.ts';
import { BINARIES, usableBinary } from '../lib/binaries.ts';
import type { Server } from '../model/rendered.ts';
import { CommandError } from './errors.ts';

/** The program of a proxy. Throws `CommandError` where there is none, and `BinaryError` where its variable names none. */
export function proxyBinary({ server, env }: { readonly server: Server; readonly env: Env }): string {
  const binary = usableBinary(server, env);
  if (binary !== undefined) return binary;
  throw new CommandError(
    `Cannot run ${server}: no such program, expected it on PATH or in ${BINARIES[server]} (npm run servers installs it)`,
  );
}
