import type { TagFormatter } from '../../src/dialects/dialect.ts';
import { createFabioFormatter } from '../../src/dialects/fabio/format/format.ts';
import { createHindFormatter } from '../../src/dialects/hind/format.ts';
import { createTraefikFormatter } from '../../src/dialects/traefik/format.ts';
import type { DialectName } from '../../src/model/route.ts';

/** What writes the tags of each dialect, as a configuration without any setting has it. */
export const FORMATTERS: Readonly<Record<DialectName, TagFormatter>> = {
  fabio: createFabioFormatter({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  hind: createHindFormatter(),
  traefik: createTraefikFormatter({ prefix: 'traefik' }),
};
