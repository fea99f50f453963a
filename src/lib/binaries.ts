import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

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

/** Where a program is: the variable that names it, else `.servers/bin` of this project, else PATH; undefined when nowhere. */
export function findBinary(name: BinaryName, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = env[BINARIES[name]];
  if (named) return named;
  const directories = [join(import.meta.dirname, '../../.servers/bin'), ...(env['PATH'] ?? '').split(delimiter)];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
