import type { Dialect } from '../dialects/dialect.ts';
import { createFabioDialect } from '../dialects/fabio/dialect.ts';
import { createHindDialect } from '../dialects/hind/dialect.ts';
import type { DialectName } from '../model/route.ts';
import type { Setup } from './runtime.ts';

/** The dialects that a set-up reads, in its order. */
export function createDialects({ config }: Pick<Setup, 'config'>): readonly Dialect[] {
  const { accept, fabio } = config.dialects;
  const makers: Readonly<Record<DialectName, () => readonly Dialect[]>> = {
    fabio: () => [createFabioDialect(fabio)],
    hind: () => [createHindDialect()],
    traefik: () => [],
  };
  return accept.flatMap((name) => makers[name]());
}
