import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rowsOf, sections } from '../../src/dialects/traefik/lookup.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { sourceId } from '../../src/model/names.ts';
import { parseServices } from '../../src/sources/service-file.ts';
import { CORPUS } from '../corpus/entries.ts';
import { bystanders } from '../support/bystanders.ts';

const CASES = join(import.meta.dirname, '../cases');

/** Lists of tags that mean something: those of the corpus, of the golden cases, of good services. */
export const SEEDS: readonly (readonly string[])[] = [
  ...CORPUS.map(({ tags }) => tags),
  ...readdirSync(CASES).flatMap((name) =>
    parseServices(parseYaml(readFileSync(join(CASES, name, 'in.yaml'), 'utf8')), sourceId('file')).map(({ tags }) => tags),
  ),
  ...bystanders(10).map(({ tags }) => tags.map((tag) => tag.replaceAll('.bystander.test', '.seed.test'))),
].filter((tags) => tags.length > 0);

/** Every label of Traefik as its key, `NAME` in the place of a name. */
export const LABEL_KEYS: readonly string[] = sections().flatMap((section) =>
  rowsOf(section).map(({ key }) => (section === 'general' ? key : `${section}.NAME.${key}`)),
);

/** Options of Fabio tags with a value that they take. */
export const FABIO_OPTIONS: readonly (readonly [key: string, value: string])[] = [
  ['strip', '/a'],
  ['prepend', '/b'],
  ['proto', 'https'],
  ['host', 'dst'],
  ['host', 'x.test'],
  ['weight', '0.5'],
  ['redirect', '301,https://x.test$path'],
  ['allow', 'ip:10.0.0.0/8'],
  ['deny', 'ip:10.0.0.1'],
  ['auth', 'staff'],
  ['tlsskipverify', 'true'],
  ['pxyproto', 'true'],
  ['lb', 'ip_hash'],
  ['sticky', 'cookie'],
  ['health', '/health'],
  ['register', 'name'],
  ['opt', 'x'],
];

/** Calls of rules, `V` in the place of values. */
export const RULE_CALLS: readonly string[] = [
  'Host(`V`)',
  'Host(`V`, `V`)',
  'HostRegexp(`V`)',
  'Path(`V`)',
  'PathPrefix(`V`)',
  'PathRegexp(`V`)',
  'Header(`X-A`, `V`)',
  'HeaderRegexp(`X-A`, `V`)',
  'Method(`V`)',
  'Query(`a`, `V`)',
  'QueryRegexp(`a`, `V`)',
  'ClientIP(`V`)',
  'HostSNI(`V`)',
];
