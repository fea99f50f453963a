import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSnapshots } from '../../src/controller/snapshots.ts';
import { createWatcher } from '../../src/controller/watcher.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId, type SourceId } from '../../src/model/names.ts';
import type { Source } from '../../src/sources/source.ts';
import { instanceOf } from '../support/intents.ts';
import { tempDir } from '../support/process.ts';

const CONSUL = sourceId('consul');
const NOMAD = sourceId('nomad');
const WEB = [instanceOf('web')];

/** A source that answers with each of these catalogs, then ends. */
function sourceOf(id: SourceId, ...answers: readonly (readonly ServiceInstance[])[]): Source {
  return {
    id,
    refresh() {},
    async *watch() {
      for (const instances of answers)
        yield { kind: 'snapshot', snapshot: { source: id, revision: '1', observedAtMs: 1, local: true, instances } };
    },
  };
}

const CASES: readonly {
  readonly title: string;
  readonly nomad: readonly (readonly ServiceInstance[])[];
  readonly consul: readonly (readonly ServiceInstance[])[];
  readonly told: number;
}[] = [
  { title: 'is empty and the other is not', nomad: [[]], consul: [WEB], told: 1 },
  { title: 'stays empty', nomad: [[], [], []], consul: [WEB, WEB, WEB], told: 1 },
  { title: 'has services', nomad: [WEB], consul: [WEB], told: 0 },
  { title: 'is as empty as the other', nomad: [[]], consul: [[]], told: 0 },
  { title: 'has not answered', nomad: [], consul: [WEB], told: 0 },
];

for (const { title, nomad, consul, told } of CASES) {
  test(`createWatcher() warns ${told} times when the primary catalog ${title}`, async (t) => {
    const lines: object[] = [];
    const log: Log = { ...silentLog, warn: (fields) => lines.push(fields) };
    const store = await openSnapshots(await tempDir(t), { sources: [CONSUL, NOMAD], log });
    const watcher = createWatcher(
      [
        { source: sourceOf(NOMAD, ...nomad), required: true, primary: true },
        { source: sourceOf(CONSUL, ...consul), required: true },
      ],
      { store, log, onChange() {} },
    );
    await watcher.run(t.signal);
    assert.deepEqual(
      lines,
      Array.from({ length: told }, () => ({ component: NOMAD, event: 'primary_empty', source: NOMAD, other: CONSUL })),
    );
  });
}
