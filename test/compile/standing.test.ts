import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standingOf, whyOut, type HealthOptions } from '../../src/compile/standing.ts';
import type { Health } from '../../src/model/catalog.ts';
import { sourceId } from '../../src/model/names.ts';
import type { DialectName } from '../../src/model/route.ts';
import { instanceOf } from '../support/intents.ts';

const CONSUL = sourceId('consul');
const OPTIONS: HealthOptions = { health: new Map(), requireChecks: true, checkingSources: new Set([CONSUL]) };
const HEALTHS: readonly Health[] = ['passing', 'unknown', 'warning', 'critical', 'maintenance'];
const DIALECTS: readonly DialectName[] = ['fabio', 'hind', 'traefik'];

/** The standing at each health, first letters: routed, unhealthy, ignored. */
const standings = (dialect: DialectName, options: HealthOptions): string =>
  HEALTHS.map((health) => standingOf(instanceOf('web', { health }), dialect, options).charAt(0)).join('');

test('standingOf() goes by what each dialect takes for healthy', () => {
  assert.deepEqual(
    DIALECTS.map((dialect) => standings(dialect, OPTIONS)),
    ['riuuu', 'rruuu', 'rrruu'],
  );
});

test('standingOf() asks Fabio instances for a check only where it is required and the catalog has checks', () => {
  assert.equal(standings('fabio', { ...OPTIONS, requireChecks: false }), 'rruuu');
  assert.equal(standings('fabio', { ...OPTIONS, checkingSources: new Set() }), 'rruuu');
});

test('standingOf() goes by the rule of an operator for all dialects alike, and only for that catalog', () => {
  const by = (rule: 'passing' | 'warning' | 'any'): readonly string[] =>
    DIALECTS.map((dialect) => standings(dialect, { ...OPTIONS, health: new Map([[CONSUL, rule]]) }));

  assert.deepEqual(by('passing'), ['rruuu', 'rruuu', 'rruuu']);
  assert.deepEqual(by('warning'), ['rrruu', 'rrruu', 'rrruu']);
  assert.deepEqual(by('any'), ['rrrru', 'rrrru', 'rrrru']);
  assert.equal(standings('hind', { ...OPTIONS, health: new Map([[sourceId('nomad'), 'any']]) }), 'rruuu');
});

test('whyOut() says why an instance is out, and nothing of one that is routed', () => {
  const why = (health: Health, dialect: DialectName, source = CONSUL): string | undefined =>
    whyOut(instanceOf('web', { health, source }), dialect, OPTIONS);

  assert.equal(why('passing', 'fabio'), undefined);
  assert.equal(why('critical', 'traefik'), 'its check is critical');
  assert.equal(why('critical', 'traefik', sourceId('nomad')), 'it does not accept connections');
  assert.equal(why('warning', 'hind'), 'its check warns, and hind routes only to passing ones');
  assert.equal(why('maintenance', 'traefik'), 'it is in maintenance');
  assert.equal(why('unknown', 'fabio'), 'it has no check, and fabio routes only to checked ones');
});
