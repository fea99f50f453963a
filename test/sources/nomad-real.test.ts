import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { nomadConnection } from '../../src/nomad/connection.ts';
import { createNomadSource } from '../../src/sources/nomad.ts';
import { watchSource } from '../contract/source.ts';
import { startNomad } from '../support/nomad.ts';
import { needServer } from '../support/process.ts';
import { until } from '../support/until.ts';

test('createNomadSource() follows a job of a real Nomad', async (t) => {
  const nomad = needServer(t, 'nomad');
  if (nomad === undefined) return;
  const { address, submit, purge } = await startNomad(t, nomad);
  const watched = watchSource(
    t,
    createNomadSource({
      connection: nomadConnection({ NOMAD_ADDR: address }),
      isRoutingTag: (tag) => tag.startsWith('urlprefix-'),
      resyncMs: 1000,
      clock: systemClock,
      log: silentLog,
      readiness: false,
    }),
  );
  await until('the first snapshot', () => watched.snapshots().length > 0);
  const instances = () => watched.snapshots().at(-1)?.instances ?? [];

  await submit(job(2));

  await until('two instances', () => instances().length === 2, 60_000);
  assert.deepEqual([...new Set(instances().map(({ owner, service }) => `${owner} ${service}`))], ['default web']);
  await purge('web');
  await until('none', () => instances().length === 0, 60_000);
});

function job(count: number): object {
  return {
    ID: 'web',
    Name: 'web',
    Type: 'service',
    Datacenters: ['*'],
    TaskGroups: [
      {
        Name: 'web',
        Count: count,
        Networks: [{ DynamicPorts: [{ Label: 'http' }] }],
        Services: [{ Name: 'web', PortLabel: 'http', Provider: 'nomad', Tags: ['urlprefix-web.test/'] }],
        Tasks: [
          {
            Name: 'web',
            Driver: 'raw_exec',
            Config: { command: '/bin/sleep', args: ['3600'] },
            Resources: { CPU: 20, MemoryMB: 16 },
          },
        ],
      },
    ],
  };
}
