import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configView } from '../../src/cli/config-view.ts';
import { loadConfig } from '../../src/config/load.ts';
import { snapshotViews } from '../../src/controller/views.ts';
import { sourceId } from '../../src/model/names.ts';
import { instanceOf } from '../support/intents.ts';

const HASH = '$2y$05$TIXqixL3BMRrIVaRrNYEZe3ONCqJCkQVoBWvBQwVMJIXlW.jrQpTa';
const LABEL = `traefik.http.middlewares.m.basicauth.users=joe:${HASH}`;

test('configView() shows neither hashes of static services nor users of addresses', () => {
  const service = { name: 'web', address: '10.0.0.1', port: 80, tags: [LABEL] };
  const { config } = loadConfig({
    env: {},
    flags: { services: [service], sources: { consul: { address: 'https://joe:secret@consul.test:8501' } } },
  });

  const shown = JSON.stringify(configView(config));

  assert.doesNotMatch(shown, /secret|TIXqixL3/);
  assert.match(shown, /https:\/\/\[redacted\]@consul\.test:8501/);
});

test('snapshotViews() shows what each catalog said, by source, without hashes', () => {
  const snapshotOf = (source: string, tags: readonly string[]) => ({
    source: sourceId(source),
    revision: '7',
    observedAtMs: 0,
    local: true,
    doubt: 'no leader',
    instances: [instanceOf('web', { tags })],
  });
  const views = snapshotViews([
    { snapshot: snapshotOf('nomad', [LABEL]), stale: true },
    { snapshot: snapshotOf('consul', ['urlprefix-a.test/']), stale: false },
  ]);

  assert.deepEqual(
    views.map(({ source, index, observedAt, stale, doubt, services }) => [source, index, observedAt, stale, doubt, services[0]?.name]),
    [
      ['consul', '7', '1970-01-01T00:00:00.000Z', false, 'no leader', 'web'],
      ['nomad', '7', '1970-01-01T00:00:00.000Z', true, 'no leader', 'web'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(views), /TIXqixL3/);
});
