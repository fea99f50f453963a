import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Server } from '../../src/model/rendered.ts';
import type { Route } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { ask, startCaddy, startEcho, type Answer } from './caddy.ts';
import { needServer } from './process.ts';
import { poolOf, routeOf, tableOf, to } from './tables.ts';
import { serveTable, startTraefik } from './traefik.ts';
import { until } from './until.ts';

/** How a request is sent. */
export interface Asking {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Source address. */
  readonly from?: string;
  readonly tls?: boolean;
}

/** A real proxy that serves some hosts. */
export interface Served {
  readonly web: number;
  ask(host: string, asking?: Asking): Promise<Answer>;
  /** The statuses of requests to one host, one after the other. */
  statuses(host: string, ...askings: readonly Asking[]): Promise<readonly number[]>;
}

/** What is served: a host for each list of middlewares in front of the pool `a`; `side` is another pool. */
export interface Scene {
  readonly hosts?: Readonly<Record<string, readonly Middleware[]>>;
  /** Further pools, each served under the host that is its id. */
  readonly pools?: readonly Backend[];
  /** Further routes, behind the others. */
  readonly routes?: readonly Route[];
  /** Of the pool `a`; absent: one instance that answers with what it received. */
  readonly ports?: readonly number[];
  readonly route?: Partial<Route>;
  /** The codes that the rendering reports. */
  readonly codes?: Readonly<Partial<Record<Server, readonly string[]>>>;
  readonly wishes?: Partial<Pick<RenderSettings, 'trustedProxies' | 'credentials' | 'modules'>>;
}

/** Serves a scene by one of the proxies; undefined where the test was skipped for want of it. */
export async function serveBy(t: TestContext, server: Server, scene: Scene): Promise<Served | undefined> {
  const { hosts = {}, pools = [], routes: further = [], ports, route, codes = {}, wishes = {} } = scene;
  if (needServer(t, server) === undefined) return undefined;
  const backends = [poolOf('a', ports ?? [await startEcho(t, 'a')]), poolOf('side', [await startEcho(t, 'side')])];
  const routes = Object.entries(hosts).map(([host, middlewares]) => routeOf(host, host, '/', { middlewares, action: to('a'), ...route }));
  const pooled = pools.map(({ id }) => routeOf(id, id, '/', { action: to(id) }));
  const table = tableOf([...routes, ...pooled, ...further], ...backends, ...pools);
  const { web, websecure, reported } = server === 'caddy' ? await byCaddy(t) : await byTraefik(t);
  assert.deepEqual([...new Set(reported)], codes[server] ?? []);
  const send = async (host: string, { tls = false, ...asking }: Asking = {}): Promise<Answer> => {
    // a certificate is made when a host is known
    if (tls) await until(`${host} answers over TLS`, () => shakesHands(websecure, host));
    return ask({ port: tls ? websecure : web, tls }, { host, ...asking });
  };
  return {
    web,
    ask: send,
    async statuses(host, ...askings) {
      const answers: number[] = [];
      for (const asking of askings) answers.push((await send(host, asking)).status);
      return answers;
    },
  };

  async function byCaddy(context: TestContext): Promise<Started> {
    const caddy = await startCaddy(context, needServer(context, 'caddy') ?? '');
    const { value, diagnostics } = caddyTarget.render(table, { ...caddy.settings, ...wishes });
    const outcome = await caddy.deployer.apply(value, context.signal);
    assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
    return { ...caddy, reported: diagnostics.map(({ code }) => code) };
  }

  async function byTraefik(context: TestContext): Promise<Started> {
    const traefik = await startTraefik(context, wishes);
    assert.ok(traefik);
    const diagnostics = await serveTable(traefik, table);
    return { ...traefik, reported: diagnostics.map(({ code }) => code) };
  }
}

interface Started {
  readonly web: number;
  readonly websecure: number;
  readonly reported: readonly string[];
}

/** Whether a TLS handshake for a host succeeds. */
function shakesHands(port: number, servername: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** An instance of our own; returns its port. */
export async function listen(t: TestContext, handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
