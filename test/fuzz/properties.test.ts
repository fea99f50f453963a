import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { convertTags } from '../../src/dialects/convert.ts';
import type { TagFormatter } from '../../src/dialects/dialect.ts';
import { createFabioFormatter } from '../../src/dialects/fabio/format/format.ts';
import { createHindFormatter } from '../../src/dialects/hind/format.ts';
import { createTraefikFormatter } from '../../src/dialects/traefik/format.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { DIALECTS, type DialectName } from '../../src/model/route.ts';
import { SETTINGS } from '../support/settings.ts';
import { CASE_DIALECTS, port } from '../support/intents.ts';
import { strangerAt } from './generator.ts';
import { createJudge, type Rendering } from './judge.ts';

const judge = createJudge(SETTINGS);
const FORMATTERS: Readonly<Record<DialectName, TagFormatter>> = {
  fabio: createFabioFormatter({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  hind: createHindFormatter(),
  traefik: createTraefikFormatter({ prefix: 'traefik' }),
};

/** Services with the tags that the fuzzer makes. */
const strangers = fc
  .uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 2, maxLength: 8 })
  .map((numbers) => numbers.map((number) => strangerAt('properties', number)));

function bytesOf({ caddy, traefik }: Rendering): readonly string[] {
  return [...caddy.files, ...traefik.files].map(({ content }) => content);
}

test('hostile tags in any order of the catalog give the same bytes', () => {
  const shuffled = strangers.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      assert.deepEqual(bytesOf(judge.render(other)), bytesOf(judge.render(list)));
    }),
    { numRuns: 200 },
  );
});

test('a service whose tags all are refused changes no byte of what the others get', () => {
  const refused = fc.constantFrom(
    'urlprefix-',
    'urlprefix-h.test/ weight=abc',
    'https://{$HOME}.test',
    'traefik.http.routers.r.rule=Host(',
    'urlprefix-h.test/\n',
  );
  fc.assert(
    fc.property(strangers, fc.array(refused, { minLength: 1, maxLength: 3 }), (list, tags) => {
      const [first] = list;
      if (!first) return;
      const bad: ServiceInstance = {
        ...first,
        service: first.service,
        instance: 'bad',
        address: '10.99.0.1',
        tags: ['traefik.enable=false', ...tags],
      };
      const withBad = judge.render([...list, bad]);
      fc.pre(withBad.table.routes.every(({ spans }) => spans.every(({ instance }) => instance !== 'bad')));
      assert.deepEqual(bytesOf(withBad), bytesOf(judge.render(list)));
    }),
    { numRuns: 200 },
  );
});

/** A set of tags with a route for TLS alone and one of which only plain http is left. */
const PLAIN_LEFT_OVER = 28_977;
/** One with a router whose rule cannot be read, and that gets the default rule of another one. */
const RULE_UNREAD = 807_470;

for (const to of DIALECTS)
  test(`convertTags() to ${to} changes nothing of its own result, whatever the tags are`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (number) => {
        const stranger = strangerAt('convert', number);
        const context = {
          service: stranger.service,
          port: port(9000),
          entryPoints: { plain: 'web', tls: 'websecure' },
          transports: new Map(),
        };
        const convert = (tags: readonly string[]): readonly string[] =>
          convertTags({ ...stranger, port: port(9000), tags }, { dialects: CASE_DIALECTS, to: FORMATTERS[to], context }).value.tags;

        const once = convert(stranger.tags);

        assert.deepEqual(convert(once), once);
      }),
      { numRuns: 500, examples: [[PLAIN_LEFT_OVER], [RULE_UNREAD]] },
    );
  });
