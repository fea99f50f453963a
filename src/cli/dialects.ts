import type { Dialect } from '../dialects/dialect.ts';
import { createFabioDialect } from '../dialects/fabio/dialect.ts';
import { createHindDialect } from '../dialects/hind/dialect.ts';
import { createTraefikDialect } from '../dialects/traefik/dialect.ts';
import type { DialectName } from '../model/route.ts';
import type { Setup } from './runtime.ts';

/** The dialects that a set-up reads, in its order. */
export function createDialects({ config, settings }: Pick<Setup, 'config' | 'settings'>): readonly Dialect[] {
  const { defaultRule, domainSuffix, transports, policies } = config;
  const { accept, fabio, hind, traefik } = config.dialects;
  const { credentials = new Map() } = settings;
  const makers: Readonly<Record<DialectName, () => readonly Dialect[]>> = {
    fabio: () => [createFabioDialect({ ...fabio, authSchemes: new Set(credentials.keys()) })],
    hind: () => [createHindDialect(hind)],
    traefik: () => [createTraefikDialect({ ...traefik, defaultRule, domainSuffix, transports, policies })],
  };
  return accept.flatMap((name) => makers[name]());
}
