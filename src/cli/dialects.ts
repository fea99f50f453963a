import type { Dialect } from '../dialects/dialect.ts';
import { createFabioDialect } from '../dialects/fabio/dialect.ts';
import { createHindDialect } from '../dialects/hind/dialect.ts';
import { createTraefikDialect } from '../dialects/traefik/dialect.ts';
import type { DialectName } from '../model/route.ts';
import type { Setup } from './setup.ts';

/** The dialects that a set-up reads, in its order. */
export function createDialects({ config }: Pick<Setup, 'config'>): readonly Dialect[] {
  const { defaultRule, domainSuffix } = config;
  const { accept, fabio, hind, traefik } = config.dialects;
  const makers: Readonly<Record<DialectName, () => readonly Dialect[]>> = {
    fabio: () => [createFabioDialect(fabio)],
    hind: () => [createHindDialect(hind)],
    traefik: () => [createTraefikDialect({ ...traefik, defaultRule, domainSuffix })],
  };
  return accept.flatMap((name) => makers[name]());
}
