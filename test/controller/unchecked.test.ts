import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompileOptions } from '../../src/compile/options.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId } from '../../src/model/names.ts';
import { CASE_DIALECTS, instanceOf, OPTIONS } from '../support/intents.ts';

const source = sourceId('consul');
const TAGS = ['traefik.enable=true', 'urlprefix-web.test/', 'urlprefix-web.test/api'];

/** The codes and places of what is said of one instance, and how many routes it has. */
function toldOf(instance: ServiceInstance, compile: CompileOptions = OPTIONS): readonly unknown[] {
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile, primary: source, merge: 'union' });
  const snapshot = { source, revision: '0', observedAtMs: 0, local: true, instances: [instance] };
  const { value, diagnostics } = pipeline.compile([snapshot], new Map());
  const told = diagnostics.filter(({ severity }) => severity !== 'info').map(({ code, span }) => [code, span?.tag]);
  return [value.table.routes.length, ...told];
}

test('compile() tells once of an instance that Fabio ignores because it has no check', () => {
  const unchecked = instanceOf('web', { health: 'unknown', tags: TAGS.slice(1) });

  assert.deepEqual(toldOf(unchecked), [0, ['FABIO_CHECK_MISSING', 'urlprefix-web.test/']]);
  assert.deepEqual(toldOf(unchecked, { ...OPTIONS, requireChecks: false }), [2]);
  assert.deepEqual(toldOf(unchecked, { ...OPTIONS, health: new Map([[source, 'passing']]) }), [2]);
  assert.deepEqual(toldOf({ ...unchecked, health: 'passing' }), [2]);
});

test('compile() says nothing of an unchecked instance that is routed to', () => {
  assert.deepEqual(toldOf(instanceOf('web', { health: 'unknown', tags: TAGS.slice(0, 1) })), [1]);
  assert.deepEqual(toldOf(instanceOf('web', { health: 'unknown', tags: ['https://web.test'] })).slice(1), []);
});
