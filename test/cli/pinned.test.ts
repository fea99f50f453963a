import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RouteView, StatusView } from '../../src/controller/views.ts';
import { startProcess } from '../support/process.ts';
import { until } from '../support/until.ts';
import { openPlace } from './place.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

test('routes of a pinned generation are shown as they are served, whatever the catalogs ask for', async (t) => {
  const { listen, config } = await openPlace(t, (_, port) => ({ listen: `127.0.0.1:${port}`, socket: null }));
  const get = async (path: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${listen}${path}`)).json();
  const controller = startProcess(t, process.execPath, [MAIN, 'run', '--config', config]);
  await until('the first cycle', () => controller.output().includes('"event":"removals_held"'), 20_000);

  const routes = (await get('/v1/routes')) as readonly RouteView[];
  const { guard, proxies } = (await get('/v1/status')) as StatusView;

  assert.deepEqual(
    routes.map(({ match, state }) => [match, state]),
    [['web.test/', 'active']],
  );
  assert.deepEqual([guard, proxies[0]?.pinned], [undefined, 1]);
});

test('commands that read the catalogs themselves say that a generation is pinned, and that it is not served where that is so', async (t) => {
  const { config } = await openPlace(t, (_, port) => ({ listen: `127.0.0.1:${port}`, socket: null }));
  const ended = async (...args: readonly string[]): Promise<readonly [number | string, string]> => {
    const running = startProcess(t, process.execPath, [MAIN, ...args, '--config', config]);
    return [await running.ended, running.output()];
  };
  const pinned = /Generation 1 is pinned, so the catalogs are not followed; hind-proxy unpin/;
  for (const args of [['plan'], ['routes'], ['explain', 'web.test']]) assert.match((await ended(...args))[1], pinned);

  const [code, output] = await ended('apply');
  assert.equal(code, 1);
  assert.match(output, pinned);
  assert.match(output, /Cannot serve the pinned generation: Caddy does not answer .*\. Start caddy: hind-proxy exec-proxy/);
});
