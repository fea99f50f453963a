import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { RenderedConfig } from '../../src/model/rendered.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { ask, startCaddy } from '../support/caddy.ts';
import { needServer } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

for (const socket of [false, true]) {
  test(`createCaddyDeployer() applies and reads back over ${socket ? 'a unix socket' : 'TCP'}`, async (t) => {
    const binary = needServer(t, 'caddy');
    if (binary === undefined) return;
    const caddy = await startCaddy(t, binary, { socket });
    const config = caddyTarget.render(tableOf([routeOf('a', 'a.io', '/')]), caddy.settings).value;
    const booted = await ask({ port: caddy.web }, { host: 'a.io' });

    const outcome = await caddy.deployer.apply(config, t.signal);

    assert.deepEqual([booted.status, booted.headers['retry-after']], [503, '5']);
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
    assert.deepEqual(await caddy.deployer.live(t.signal), { kind: 'ours', digest: config.tableDigest });
    assert.equal(await readFile(caddy.settings.caddy.file, 'utf8'), config.files[0]?.content);
  });
}

test('createCaddyDeployer() leaves a Caddy that is down a checked file to boot from, also where only addresses differ', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const caddy = await startCaddy(t, binary);
  const routes = ['a', 'b', 'c', 'd'].map((name) => routeOf(name, `${name}.io`, '/', { action: to(name) }));
  const configWith = (number: number): RenderedConfig =>
    caddyTarget.render(tableOf(routes, poolOf('a', [number]), ...['b', 'c', 'd'].map((id) => poolOf(id, [1]))), caddy.settings).value;
  assert.equal((await caddy.deployer.apply(configWith(1), t.signal)).kind, 'applied');
  await caddy.process.stop('SIGKILL');

  const outcome = await caddy.deployer.apply(configWith(2), t.signal);

  assert.equal(outcome.kind === 'failed' && outcome.isDown, true, JSON.stringify(outcome));
  assert.equal(await readFile(caddy.settings.caddy.file, 'utf8'), configWith(2).files[0]?.content);
});

test('createCaddyDeployer() names the unit of a refused line and keeps what is served', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const caddy = await startCaddy(t, binary);
  const good = caddyTarget.render(EMPTY_TABLE, caddy.settings).value;
  await caddy.deployer.apply(good, t.signal);
  const config = caddyTarget.render(tableOf([routeOf('a', 'a.io', '/')]), caddy.settings).value;
  const broken = { ...config, files: config.files.map((file) => ({ ...file, content: file.content.replace('respond *', 'responds *') })) };

  const outcome = await caddy.deployer.apply(broken, t.signal);

  assert.equal(outcome.kind, 'rejected', JSON.stringify(outcome));
  assert.deepEqual(outcome.kind === 'rejected' && outcome.units, ['default a.io']);
  assert.deepEqual(await caddy.deployer.live(t.signal), { kind: 'ours', digest: good.tableDigest });
  assert.equal(await readFile(caddy.settings.caddy.file, 'utf8'), good.files[0]?.content);
});

test('createCaddyDeployer() leaves the file and what is served alike, whenever it is told to end', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const caddy = await startCaddy(t, binary);
  await caddy.deployer.apply(caddyTarget.render(EMPTY_TABLE, caddy.settings).value, t.signal);
  const given = new Set<string>();
  for (let round = 0; round < 40; round += 1) {
    const stop = new AbortController();
    const config = caddyTarget.render(tableOf([routeOf(`r${round}`, `r${round}.io`, '/')]), caddy.settings).value;

    const applying = caddy.deployer.apply(config, stop.signal);
    setTimeout(() => stop.abort(), round / 4);
    const { kind } = await applying;

    given.add(kind);
    const [live, disk] = [await caddy.deployer.live(t.signal), await caddy.deployer.disk()];
    assert.ok(live.kind === 'ours' && disk.kind === 'ours');
    assert.deepEqual([round, live.digest], [round, disk.digest]);
  }
  t.diagnostic([...given].join(', '));
});
