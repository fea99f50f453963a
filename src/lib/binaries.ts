import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { systemCode } from './errors.ts';

/** The programs that are looked for, with the variable that names each. */
export const BINARIES = {
  caddy: 'CADDY_BIN',
  traefik: 'TRAEFIK_BIN',
  consul: 'CONSUL_BIN',
  nomad: 'NOMAD_BIN',
  supervisord: 'SUPERVISORD_BIN',
  fabio: 'FABIO_BIN',
} as const;

/** A program that may be needed. */
export type BinaryName = keyof typeof BINARIES;

/** The variable that names a program names nothing that can be run. */
export class BinaryError extends Error {
  override readonly name = 'BinaryError';

  constructor(program: BinaryName, { path, reason }: { readonly path: string; readonly reason: string }) {
    const variable = BINARIES[program];
    super(
      `Cannot run ${program}: ${variable} names ${path}, and ${reason}, expected a program. Correct ${variable}, or unset it: ${program} is then looked for on PATH`,
    );
  }
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Where a program is: the variable that names it, else `.servers/bin` of this project, else PATH; undefined when nowhere. */
export function findBinary(name: BinaryName, env: Variables): string | undefined {
  const named = env[BINARIES[name]];
  const onPath = (env['PATH'] ?? '').split(delimiter);
  // a name without a directory is one of PATH, as for a shell
  if (named) return named.includes('/') ? resolve(named) : (firstIn(onPath, named) ?? named);
  return firstIn([join(import.meta.dirname, '../../.servers/bin'), ...onPath], name);
}

/** The same for who needs it now. Throws `BinaryError` where the variable names nothing that can be run. */
export function usableBinary(name: BinaryName, env: Variables): string | undefined {
  const path = findBinary(name, env);
  const reason = path === undefined ? undefined : obstacle(path);
  if (path !== undefined && reason !== undefined) throw new BinaryError(name, { path, reason });
  return path;
}

function firstIn(directories: readonly string[], name: string): string | undefined {
  return directories.map((directory) => join(directory, name)).find((path) => obstacle(path) === undefined);
}

/** Why a file cannot be run; undefined where it can. */
function obstacle(path: string): string | undefined {
  if (!path.includes('/')) return 'PATH has no such program';
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? undefined : 'that is no file';
  } catch (error) {
    return systemCode(error) === 'EACCES' ? 'this user may not execute it' : 'there is no such file';
  }
}
