import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featuresOf } from '../../src/targets/features.ts';
import { exactHost, exactPath, pathPrefix, type RouteMatch } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Backend, Endpoint } from '../../src/model/pool.ts';
import type { Redirect, Route } from '../../src/model/route.ts';
import { host, matchOf, port } from '../support/intents.ts';
import { poolOf, routeOf, splitRoute, to } from '../support/tables.ts';

/** What a route needs, each with what becomes of the route without it. */
function needed(route: Partial<Route>, ...backends: readonly Backend[]): string {
  const uses = featuresOf(routeOf('r', 'a.io', '/', route), new Map(backends.map((backend) => [backend.id, backend])));
  return uses.map(({ feature, without }) => `${feature} ${without}`).join(', ');
}

const CHECK = { headers: [] } as const;
const pool = (overrides: Partial<Backend>, ports = [1], endpoints: readonly Partial<Endpoint>[] = []): string => {
  const base = poolOf('p', ports);
  const changed = base.endpoints.map((endpoint, index) => ({ ...endpoint, ...endpoints[index] }));
  return needed({ action: to('p') }, { ...base, endpoints: changed, ...overrides });
};
const matching = (match: Partial<RouteMatch>): string => needed({ match: { ...matchOf('a.io'), ...match } });
const redirecting = (redirect: Partial<Redirect>): string =>
  needed({ action: { kind: 'redirect', redirect: { status: 301, to: [], ...redirect } } });
const doing = (...middlewares: readonly Middleware[]): string => needed({ middlewares });
const glob = { kind: 'glob', pattern: '*.io', regexp: '^.*\\.io$', port: 'own' } as const;
const inFlight = (by: Extract<Middleware, { kind: 'inFlight' }>['by']): Middleware => ({ kind: 'inFlight', amount: 1, by });

const FEATURES: readonly (readonly [string, string, string])[] = [
  ['an exact host', matching({}), ''],
  ['a host with a port', matching({ host: exactHost(host('a.io'), port(81)) }), 'match.hostPort route'],
  ['a glob', matching({ host: glob }), 'match.hostPattern route'],
  ['a glob with a port', matching({ host: { ...glob, port: port(81) } }), 'match.hostPattern route, match.hostPort route'],
  ['an expression on hosts', matching({ host: { kind: 'regexp', regexp: 'a' } }), 'match.hostPattern route'],
  ['every host', matching({ host: { kind: 'any' } }), ''],
  ['a prefix', matching({ path: pathPrefix('/a') }), ''],
  ['a prefix in any case', matching({ path: pathPrefix('/a', true) }), 'match.ignoreCase route'],
  ['a path in any case', matching({ path: exactPath('/a', true) }), 'match.ignoreCase route'],
  ['an expression on paths', matching({ path: { kind: 'regexp', regexp: 'a' } }), 'match.pathRegexp route'],
  ['a condition', matching({ conditions: [{ kind: 'method', method: 'GET' }] }), 'match.method route'],
  [
    'conditions on hosts and paths',
    matching({
      conditions: [
        { kind: 'host', host: glob },
        { kind: 'path', path: { kind: 'regexp', regexp: 'a' } },
      ],
    }),
    'match.hostPattern route, match.pathRegexp route',
  ],
  [
    'a condition that must not hold',
    matching({ conditions: [{ kind: 'not', condition: { kind: 'query', key: 'a' } }] }),
    'match.not route, match.query route',
  ],
  ['tcp', needed({ protocol: 'tcp', tcpTls: 'passthrough' }), 'route.tcp route, route.passthrough route'],
  ['udp', needed({ protocol: 'udp' }), 'route.udp route'],
  ['TLS options', needed({ tlsProfile: { name: 'p' } }), 'route.tlsProfile withhold'],
  ['a raw path', needed({ pathForm: 'raw', action: to('p') }), 'route.rawPath middleware'],
  ['a raw path that is not forwarded', needed({ pathForm: 'raw' }), ''],
  ['301 and 308', redirecting({ otherStatus: 308 }), ''],
  ['302 and 307', redirecting({ status: 302, otherStatus: 307 }), ''],
  ['301 for all', redirecting({}), 'redirect.anyStatus middleware'],
  ['301 and 307', redirecting({ otherStatus: 307 }), 'redirect.anyStatus middleware'],
  ['302 and 308', redirecting({ status: 302, otherStatus: 308 }), 'redirect.anyStatus middleware'],
  ['a list of addresses', doing({ kind: 'ipDeny', cidrs: [], of: { kind: 'everyHop' } }), 'ipDeny withhold, address.everyHop withhold'],
  ['a middleware twice', doing({ kind: 'contentType' }, { kind: 'contentType' }), 'contentType middleware'],
  [
    'a limit by address',
    doing(inFlight({ kind: 'address', of: { kind: 'depth', depth: 1 } })),
    'inFlight withhold, address.depth withhold',
  ],
  ['a limit by host', doing(inFlight({ kind: 'host' })), 'inFlight withhold'],
  [
    'a list of addresses of tcp',
    needed({ protocol: 'tcp', middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'peer' } }] }),
    'route.tcp route, ipAllow withhold',
  ],
  ['one instance', pool({}), 'protocol.http route'],
  ['several instances', pool({}, [1, 2]), 'protocol.http route, lb.random pool'],
  ['instances of several weights', pool({}, [1, 2], [{ weight: 2 }]), 'protocol.http route, lb.random pool, pool.weights pool'],
  [
    'instances of several schemes',
    pool({}, [1, 2], [{ protocol: 'https' }]),
    'protocol.https route, protocol.http route, lb.random pool, pool.mixedSchemes pool',
  ],
  ['a cookie', pool({ sticky: {} }), 'protocol.http route, pool.sticky pool'],
  ['checks', pool({ healthCheck: { ...CHECK, mode: 'http' } }), 'protocol.http route, pool.healthCheck pool'],
  ['checks by gRPC', pool({ healthCheck: { ...CHECK, mode: 'grpc' } }), 'protocol.http route, pool.healthCheckGrpc pool'],
  ['checks by tcp', pool({ healthCheck: { ...CHECK, mode: 'tcp' } }), 'protocol.http route, pool.healthCheckTcp pool'],
  ['passive checks', pool({ passiveHealthCheck: {} }), 'protocol.http route, pool.passiveHealthCheck pool'],
  ['flushing', pool({ flushIntervalMs: 0 }), 'protocol.http route, pool.flushInterval pool'],
  ['a PROXY line', pool({ proxyProtocol: 1 }), 'protocol.http route, pool.proxyProtocol route'],
  ['a limit of dialing', pool({ transport: { skipVerify: false, dialTimeoutMs: 1 } }), 'protocol.http route, pool.timeouts pool'],
  ['a limit of answering', pool({ transport: { skipVerify: false, responseTimeoutMs: 1 } }), 'protocol.http route, pool.timeouts pool'],
  ['a limit of idling', pool({ transport: { skipVerify: false, idleTimeoutMs: 1 } }), 'protocol.http route, pool.timeouts pool'],
  [
    'authorities of its own',
    pool({ transport: { skipVerify: false, rootCas: ['/ca.pem'] } }),
    'protocol.http route, pool.rootCas withhold',
  ],
];

for (const [what, uses, expected] of FEATURES)
  test(`featuresOf() finds what a route needs with ${what}`, () => {
    assert.equal(uses, expected);
  });

test('featuresOf() finds what the parts of a split route need', () => {
  const { action } = splitRoute('s', [{ weight: 1, backend: 'p', middlewares: [{ kind: 'contentType' }] }, { weight: 1 }]);

  assert.equal(needed({ action }, poolOf('p', [1])), 'route.split route, contentType middleware, protocol.http route');
});
