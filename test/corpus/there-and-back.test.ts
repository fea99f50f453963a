import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { convertTags, type Conversion } from '../../src/dialects/convert.ts';
import type { TagFormatter } from '../../src/dialects/dialect.ts';
import { createFabioFormatter } from '../../src/dialects/fabio/format/format.ts';
import { createHindFormatter } from '../../src/dialects/hind/format.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import { canonicalJson } from '../../src/dialects/same.ts';
import { createTraefikFormatter } from '../../src/dialects/traefik/format.ts';
import type { Diagnosed, Diagnostic } from '../../src/model/diagnostic.ts';
import { serviceName } from '../../src/model/names.ts';
import { DIALECTS, type DialectName, type RouteAction } from '../../src/model/route.ts';
import { backendsOf } from '../../src/model/table.ts';
import { bystanders } from '../support/bystanders.ts';
import { CASE_DIALECTS, compile, ENTRY_POINTS, instanceOf, port } from '../support/intents.ts';
import { CORPUS } from './entries.ts';

/**
 * Every list of the corpus in every other dialect, and back. `conversions.txt` says what is lost on the way; `UPDATE_CASES=1 node --test
 * test/corpus/there-and-back.test.ts` writes it anew.
 */
const CONVERSIONS = join(import.meta.dirname, 'conversions.txt');
const FORMATTERS: Readonly<Record<DialectName, TagFormatter>> = {
  fabio: createFabioFormatter({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  hind: createHindFormatter(),
  traefik: createTraefikFormatter({ prefix: 'traefik' }),
};
const SERVICE = serviceName('stranger');
const CONTEXT = {
  service: SERVICE,
  port: port(8080),
  entryPoints: { plain: 'web', tls: 'websecure' },
  httpsRedirect: { port: port(443) },
  transports: new Map(),
};
const POINTS = [...ENTRY_POINTS, { name: 'tcp', address: ':3306', port: port(3306), protocol: 'tcp', tls: false }] as const;

interface Tagged {
  readonly name: string;
  readonly tags: readonly string[];
}

const LISTS: readonly Tagged[] = [
  ...CORPUS,
  ...bystanders(10).flatMap(({ service, instance, tags }) => (instance.endsWith('-1') ? [{ name: service, tags }] : [])),
];

function convert(tags: readonly string[], to: DialectName): Diagnosed<Conversion> {
  return convertTags(instanceOf(SERVICE, { tags }), { dialects: CASE_DIALECTS, to: FORMATTERS[to], context: CONTEXT });
}

/** What tags ask for, as what a client can tell: routes by their entry point, without names, ranks and where they come from. */
function modelOf(tags: readonly string[]): readonly string[] {
  const instance = instanceOf(SERVICE, { tags });
  const { value, diagnostics } = readTags(instance, CASE_DIALECTS);
  const { table } = compile([{ instance, local: false, ...value, diagnostics }], { entryPoints: POINTS }).value;
  const backends = backendsOf(table);
  const routes = table.routes.flatMap(({ entryPoints, protocol, match, middlewares, action, tcpTls, pathForm }) =>
    entryPoints.map((name) => canonicalJson([name, protocol, match, middlewares, answerOf(action), tcpTls, pathForm])),
  );
  return routes.toSorted();

  /** Instances that are chosen at random and in turn get the same shares. */
  function answerOf(action: RouteAction): unknown {
    if (action.kind !== 'forward') return action;
    const { id: _id, loadBalancing, ...pool } = backends.get(action.backend) ?? { loadBalancing: 'none' };
    return { ...pool, loadBalancing: loadBalancing === 'random' ? 'roundRobin' : loadBalancing };
  }
}

/** What a conversion says of itself; the rest is said of the tags that it reads. */
function lossesOf({ diagnostics }: Diagnosed<Conversion>): readonly Diagnostic[] {
  return diagnostics.filter(({ code, severity }) => severity !== 'info' && LOSS.test(code));
}

const LOSS = /_UNSUPPORTED$|_APPROXIMATED$|^TRAEFIK_REDIRECT_STATUS$|^ROUTE_(?:DUPLICATE|DIALECTS_DIFFER)$/;

/** One way, or one way and back. */
interface Journey {
  readonly list: string;
  readonly way: readonly DialectName[];
  readonly result: 'unmoved' | 'same tags' | 'same routes' | 'other routes';
  readonly losses: readonly Diagnostic[];
}

function journey({ name, tags }: Tagged, way: readonly DialectName[]): Journey {
  const losses: Diagnostic[] = [];
  let [reached, moved] = [tags, false];
  for (const to of way.slice(1)) {
    const converted = convert(reached, to);
    losses.push(...lossesOf(converted));
    moved ||= converted.value.steps.some(({ kind }) => kind === 'converted');
    reached = converted.value.tags;
  }
  return { list: name, way, result: moved ? resultOf(tags, reached) : 'unmoved', losses };
}

function resultOf(tags: readonly string[], reached: readonly string[]): Journey['result'] {
  if (canonicalJson(tags.toSorted()) === canonicalJson(reached.toSorted())) return 'same tags';
  return canonicalJson(modelOf(tags)) === canonicalJson(modelOf(reached)) ? 'same routes' : 'other routes';
}

/** In every direction that moves anything: there, and there and back. */
const JOURNEYS: readonly Journey[] = LISTS.flatMap((list) => {
  const spoken = DIALECTS.filter((dialect) =>
    list.tags.some((tag) => CASE_DIALECTS.some((one) => one.name === dialect && one.recognises(tag))),
  );
  return spoken.flatMap((from) =>
    DIALECTS.filter((to) => to !== from).flatMap((to) => [journey(list, [from, to]), journey(list, [from, to, from])]),
  );
});

test('convertTags() loses nothing of the corpus in silence, there and back', (t) => {
  const silent = JOURNEYS.filter(({ result, losses }) => result === 'other routes' && losses.length === 0);
  const unmoved = JOURNEYS.filter(({ result }) => result === 'unmoved');
  for (const [way, count] of countsOf(JOURNEYS)) t.diagnostic(`${way}: ${count}`);

  assert.deepEqual(silent.map(wordsOf), []);
  assert.ok(JOURNEYS.length - unmoved.length > 100, `only ${JOURNEYS.length - unmoved.length} journeys`);
});

test('convertTags() says where in the corpus each loss is, and what to do', () => {
  for (const { losses } of JOURNEYS)
    for (const { code, span, hint } of losses) assert.ok(span !== undefined && (hint ?? '') !== '', `${code} does not say what to do`);
});

test('convertTags() says why it keeps what asks for a route', () => {
  for (const { name, tags } of LISTS)
    for (const to of DIALECTS) {
      const { value, diagnostics } = convert(tags, to);
      const told = new Set(diagnostics.map(({ span }) => span?.tagIndex));
      const kept = value.asked.flatMap(({ spans: [span] }) => (span && value.steps[span.tagIndex]?.kind === 'kept' ? [span] : []));
      for (const { tag, tagIndex } of kept) assert.ok(told.has(tagIndex), `${name} to ${to}: "${tag}" is kept without a word`);
    }
});

test('what is lost of the corpus between dialects is as conversions.txt says', () => {
  const counts = [...countsOf(JOURNEYS)].map(([way, count]) => `${way}: ${count}`);
  const text = [...counts, '', ...JOURNEYS.filter(({ result }) => result !== 'unmoved').map(wordsOf), ''].join('\n');

  if (process.env['UPDATE_CASES'] === '1') writeFileSync(CONVERSIONS, text);
  assert.ok(existsSync(CONVERSIONS), 'conversions.txt is missing: write it with UPDATE_CASES=1');
  assert.equal(text, readFileSync(CONVERSIONS, 'utf8'));
});

/** How many journeys of each way came to each result, with and without losses said. */
function countsOf(journeys: readonly Journey[]): ReadonlyMap<string, number> {
  const keys = journeys.map(({ way, result, losses }) => `${way.join(' → ')}: ${result}, ${losses.length > 0 ? 'losses said' : 'no loss'}`);
  return new Map([...new Set(keys)].toSorted().map((key) => [key, keys.filter((other) => other === key).length]));
}

function wordsOf({ list, way, result, losses }: Journey): string {
  const words = [...new Set(losses.map(({ code, message }) => `  ${code} ${message.slice(message.indexOf(': ') + 2)}`))];
  return [`${list} ${way.join(' → ')}: ${result}`, ...words].join('\n');
}
