import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { ask, startCaddy } from '../support/caddy.ts';
import { needServer } from '../support/process.ts';
import { routeOf, tableOf } from '../support/tables.ts';

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
