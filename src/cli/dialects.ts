import type { Config } from '../config/options.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { createFabioDialect } from '../dialects/fabio/dialect.ts';
import { createHindDialect } from '../dialects/hind/dialect.ts';
import { createTraefikDialect } from '../dialects/traefik/dialect.ts';
import type { DialectName } from '../model/route.ts';
import type { Setup } from './setup.ts';

/** The dialects that a set-up reads, in its order. */
export function createDialects({ config }: Pick<Setup, 'config'>): readonly Dialect[] {
  return config.dialects.accept.map((name) => createDialect(name, config));
}

/** One dialect as it is configured. */
export function createDialect(name: DialectName, config: Config): Dialect {
  return MAKERS[name](config);
}

const MAKERS: Readonly<Record<DialectName, (config: Config) => Dialect>> = {
  fabio: ({ dialects }) => createFabioDialect(dialects.fabio),
  hind: ({ dialects }) => createHindDialect(dialects.hind),
  traefik: ({ dialects: { traefik }, defaultRule, domainSuffix }) => createTraefikDialect({ ...traefik, defaultRule, domainSuffix }),
};
