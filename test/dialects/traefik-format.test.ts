import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTags } from '../../src/dialects/read-tags.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import { createTraefikFormatter } from '../../src/dialects/traefik/format.ts';
import type { FormatContext } from '../../src/dialects/dialect.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { RouteIntent } from '../../src/model/intent.ts';
import { instanceOf } from '../support/intents.ts';
import { traefikIntents } from '../support/traefik-arbitraries.ts';
import { traefikLabels } from '../support/traefik-labels.ts';

const DIALECT = createTraefikDialect({ prefix: 'traefik', exposedByDefault: false, defaultRule: '{name}.{suffix}', domainSuffix: 'test' });
const FORMATTER = createTraefikFormatter({ prefix: 'traefik' });
const INSTANCE = instanceOf('web', { tags: ['x'] });
const CONTEXT: FormatContext = { service: INSTANCE.service, port: INSTANCE.port, entryPoints: { plain: 'web', tls: 'websecure' } };

function print(intents: readonly RouteIntent[]): { readonly tags: readonly string[]; readonly reports: readonly Diagnostic[] } {
  const reports: Diagnostic[] = [];
  return { tags: FORMATTER.format(intents, CONTEXT, (diagnostic) => reports.push(diagnostic)), reports };
}

const read = (tags: readonly string[]): ReturnType<typeof readTags> => readTags({ ...INSTANCE, tags }, [DIALECT]);

/** What an intent asks for: without its place and name, with the priority that counts, keys in one order. */
function wishOf(intent: RouteIntent): string {
  const { name: _name, priority, ruleLength, sidePools, ...rest } = intent;
  const pools = sidePools?.map(({ name: _pool, ...pool }) => pool);
  const errors = rest.middlewares.map((middleware) => (middleware.kind === 'errors' ? { ...middleware, backend: 'pool' } : middleware));
  return canonical({ ...rest, middlewares: errors, pools, priority: priority ?? ruleLength });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'spans' || key === 'span') return undefined;
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  });
}

const wishes = (intents: readonly RouteIntent[]): readonly string[] => [...new Set(intents.map(wishOf))].toSorted();

test('createTraefikFormatter() prints labels that ask for the same again', () => {
  fc.assert(
    fc.property(traefikIntents(INSTANCE), (intents) => {
      const { tags, reports } = print(intents);
      const { value, diagnostics } = read(tags);

      assert.deepEqual(reports, []);
      assert.deepEqual(
        diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message),
        [],
        tags.join('\n'),
      );
      assert.deepEqual(wishes(value.intents), wishes(intents), tags.join('\n'));
    }),
    { numRuns: 150 },
  );
});

test('createTraefikFormatter() prints what was read from labels so that it reads the same', () => {
  fc.assert(
    fc.property(traefikLabels, (labels) => {
      const sound = read(labels).value.intents.filter(({ fault }) => !fault);
      const { tags, reports } = print(sound);
      const again = read(tags).value.intents;

      assert.deepEqual(reports, []);
      assert.deepEqual(wishes(again), wishes(sound), `${labels.join('\n')}\n\n${tags.join('\n')}`);
    }),
    { numRuns: 500 },
  );
});
