import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { formatDiagnostic } from '../../src/cli/print.ts';
import { describeAction, describeMatch } from '../../src/model/describe.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { serviceName, sourceId } from '../../src/model/names.ts';
import type { Route } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { bystanders, bystandersOnCaddy, bystandersOnTraefik } from '../support/bystanders.ts';
import { SETTINGS as BASE } from '../support/settings.ts';
import { CASE_DIALECTS, ENTRY_POINTS, instanceOf, OPTIONS, port } from '../support/intents.ts';
import { CORPUS, type CorpusEntry } from './entries.ts';

/**
 * Tags as people have written them (`real-tags.json`, from public job files and bug reports), each list beside 50 good services.
 * `outcomes.txt` says what becomes of every tag; `UPDATE_CASES=1 node --test test/corpus/corpus.test.ts` writes it anew.
 */
const OUTCOMES = join(import.meta.dirname, 'outcomes.txt');
const POINTS = [...ENTRY_POINTS, { name: 'tcp', address: ':3306', port: port(3306), protocol: 'tcp', tls: false }] as const;
const SETTINGS = { ...BASE, entryPoints: POINTS };
/** A wide route of the operator: where there is one at all, the sites of Caddy end in asking the wide ones. */
const WIDE = instanceOf('wide', { tags: ['urlprefix-*.elsewhere.test/'] });
const GOOD = [...bystanders(50), WIDE];
const STRANGER = serviceName('stranger');

interface Outcome {
  readonly routes: readonly Route[];
  readonly diagnostics: readonly Diagnostic[];
  readonly bystanders: { readonly caddy: readonly string[]; readonly traefik: readonly string[] };
}

function outcomeOf(instances: readonly ServiceInstance[]): Outcome {
  const pipeline = createPipeline({
    dialects: CASE_DIALECTS,
    compile: { ...OPTIONS, entryPoints: POINTS },
    primary: sourceId('consul'),
    merge: 'primary-wins',
  });
  const snapshot = { source: sourceId('consul'), revision: '1', observedAtMs: 0, local: true, instances };
  const { value, diagnostics } = pipeline.compile([snapshot], new Map());
  const [caddy, traefik] = [caddyTarget.render(value.table, SETTINGS), traefikTarget.render(value.table, SETTINGS)];
  return {
    routes: value.table.routes.filter(({ services }) => services.includes(STRANGER)),
    diagnostics: [...diagnostics, ...caddy.diagnostics, ...traefik.diagnostics].filter(({ span }) => span?.service === STRANGER),
    bystanders: {
      caddy: bystandersOnCaddy(caddy.value.files[0]?.content ?? ''),
      traefik: bystandersOnTraefik(traefik.value.files[0]?.content ?? ''),
    },
  };
}

function strangerOf({ tags }: CorpusEntry): ServiceInstance {
  return instanceOf(STRANGER, { instance: 'stranger-1', address: '10.9.0.1', port: port(9000), tags, modifyIndex: 9 });
}

const outcomes = CORPUS.map((entry) => ({ entry, outcome: outcomeOf([...GOOD, strangerOf(entry)]) }));

test('50 good services are rendered byte for byte the same beside every list of the corpus', () => {
  const { bystanders: alone } = outcomeOf(GOOD);

  // every good service has sites and routers of its own, and not all say the same
  assert.ok(alone.caddy.length >= 90 && new Set(alone.caddy).size === alone.caddy.length, String(alone.caddy.length));
  assert.ok(alone.traefik.length >= 150, String(alone.traefik.length));
  for (const { entry, outcome } of outcomes) {
    assert.deepEqual(outcome.bystanders.caddy, alone.caddy, `Caddy, beside entry ${entry.name}`);
    assert.deepEqual(outcome.bystanders.traefik, alone.traefik, `Traefik, beside entry ${entry.name}`);
  }
});

test('every tag of the corpus gets a route, or is told what to do, or routes nothing', () => {
  for (const { entry, outcome } of outcomes)
    for (const [index, tag] of entry.tags.entries())
      assert.notEqual(fateOf(index, { entry, outcome }), undefined, `entry ${entry.name} says nothing of "${tag}"`);
  for (const { entry, outcome } of outcomes)
    for (const { code, severity, hint } of outcome.diagnostics)
      assert.ok(severity === 'info' || (hint ?? '') !== '', `entry ${entry.name}: ${code} does not say what to do`);
});

test('what becomes of the corpus is as outcomes.txt says', () => {
  const text = `${outcomes.map(printOutcome).join('\n\n')}\n`;

  if (process.env['UPDATE_CASES'] === '1') writeFileSync(OUTCOMES, text);
  assert.ok(existsSync(OUTCOMES), 'outcomes.txt is missing: write it with UPDATE_CASES=1');
  assert.equal(text, readFileSync(OUTCOMES, 'utf8'));
});

interface Case {
  readonly entry: CorpusEntry;
  readonly outcome: Outcome;
}

/** What became of one tag; undefined where nobody would learn it. */
function fateOf(index: number, { entry, outcome }: Case): string | undefined {
  const own = ownFateOf(index, outcome);
  if (own !== undefined) return own;
  const tag = entry.tags[index] ?? '';
  if (!CASE_DIALECTS.some((dialect) => dialect.recognises(tag))) return 'routes nothing';
  const isTold = entry.tags.some((other, at) => isWith(tag, other) && ownFateOf(at, outcome) !== undefined);
  return isTold ? 'with the other labels' : undefined;
}

function ownFateOf(index: number, { routes, diagnostics }: Outcome): string | undefined {
  const codes = [...new Set(diagnostics.filter(({ span }) => span?.tagIndex === index).map(({ code }) => code))];
  const isRouted = routes.some(({ spans }) => spans.some(({ tagIndex }) => tagIndex === index));
  return isRouted || codes.length > 0 ? [...(isRouted ? ['served'] : []), ...codes].join(', ') : undefined;
}

/** Whether what is said of another label holds for one: labels of a router go with that router, all others with the instance. */
function isWith(label: string, other: string): boolean {
  const router = /^traefik\.(?:http|tcp|udp)\.routers\.[^=]*\./i.exec(label)?.[0];
  return other.startsWith(router ?? 'traefik.');
}

function printOutcome({ entry, outcome }: Case): string {
  const { name, source, note, tags } = entry;
  const width = Math.max(...tags.map((tag) => tag.length));
  return [
    `== ${name} (${source})${note === undefined ? '' : ` ${note}`}`,
    ...tags.map((tag, index) => `  ${tag.padEnd(width)}  ${fateOf(index, { entry, outcome }) ?? 'unsaid'}`),
    ...outcome.routes.map((route) => `  → ${route.entryPoints.join('+')} ${describeMatch(route)}: ${stepsOf(route)}`),
    ...outcome.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, { style: (_style, text) => text })),
  ].join('\n');
}

function stepsOf(route: Route): string {
  return [...route.middlewares.map(({ kind }) => kind), describeAction(route)].join(', ');
}
