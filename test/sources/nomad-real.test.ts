import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { nomadConnection } from '../../src/nomad/connection.ts';
import { createNomadSource } from '../../src/sources/nomad.ts';
import { watchSource } from '../contract/source.ts';
import { freePorts, needServer, startProcess, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

test('createNomadSource() follows a job of a real Nomad', async (t) => {
  const nomad = needServer(t, 'nomad');
  if (nomad === undefined) return;
  const dir = await tempDir(t);
  const [http = 0, rpc = 0, serf = 0] = await freePorts(3);
  const config = {
    ports: { http, rpc, serf },
    plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }],
  };
  await writeFile(join(dir, 'agent.json'), JSON.stringify(config));
  startProcess(t, nomad, ['agent', '-dev', '-bind=127.0.0.1', `-config=${join(dir, 'agent.json')}`], { cwd: dir });
  const address = `http://127.0.0.1:${http}`;
  await until('a ready node', async () => (await (await fetch(`${address}/v1/nodes`)).text()).includes('"ready"'), 60_000);
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

  const submitted = await fetch(`${address}/v1/jobs`, { method: 'PUT', body: JSON.stringify({ Job: job(2) }) });

  assert.equal(submitted.status, 200, await submitted.text());
  await until('two instances', () => instances().length === 2, 60_000);
  assert.deepEqual([...new Set(instances().map(({ owner, service }) => `${owner} ${service}`))], ['default web']);
  await fetch(`${address}/v1/job/web?purge=true`, { method: 'DELETE' });
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
