import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/compile/candidates.ts';
import type { CompileOptions } from '../../src/compile/options.ts';
import type { Definition, Fault, PoolMember, Reference, RouteIntent } from '../../src/model/intent.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { buildTable } from '../../src/compile/compile.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, OPTIONS, port, readingOf } from '../support/intents.ts';

const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ALLOW: Middleware = { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } };

function referTo(instance: ServiceInstance, to: Reference['to'], name: string): Reference {
  return { kind: 'reference', to, name, span: tagSpan(instance, 0), code: 'TRAEFIK_REFERENCE_UNKNOWN' };
}

function declared(instance: ServiceInstance, name: string, ...middlewares: readonly (Middleware | Reference)[]): Definition {
  return { kind: 'middleware', name, span: tagSpan(instance, 0), middlewares };
}

const user = instanceOf('user', { tags: ['r'] });
const keeper = instanceOf('keeper', { instance: 'keeper-1', address: '10.0.0.9', tags: ['m'] });
const using = (name: string, to: Reference['to'] = 'middleware') =>
  readingOf(user, intentOf(user, matchOf('h.io'), { middlewares: [referTo(user, to, name)] }));

test('buildTable() uses the middleware that another service of the owner declares, and what that one names', () => {
  const reading = {
    ...readingOf(keeper),
    definitions: [declared(keeper, 'all', referTo(keeper, 'middleware', 'one'), ALLOW), declared(keeper, 'one', STRIP)],
  };
  const compiled = compile([using('All'), reading]);

  assert.deepEqual(compiled.value.table.routes[0]?.middlewares, [STRIP, ALLOW]);
  assert.deepEqual(codesOf(compiled), ['TRAEFIK_NAME_CASE']);
  assert.deepEqual(codesOf(compile([using('all'), reading])), []);
});

test('buildTable() withholds a route when a name is unknown, leads to itself or stands for two things', () => {
  const other = instanceOf('other', { instance: 'other-1', tags: ['m'] });
  const loop = { ...readingOf(keeper), definitions: [declared(keeper, 'loop', referTo(keeper, 'middleware', 'loop'))] };
  const twice = [
    { ...readingOf(keeper), definitions: [declared(keeper, 'two', STRIP)] },
    { ...readingOf(other), definitions: [declared(other, 'two', ALLOW)] },
  ];
  for (const readings of [[using('none')], [using('loop'), loop], [using('two'), ...twice], [using('none', 'policy')]]) {
    const compiled = compile(readings);
    assert.deepEqual(compiled.value.table.routes[0]?.action, { kind: 'respond', status: 503, reason: 'withheld' });
    assert.deepEqual(codesOf(compiled), ['TRAEFIK_REFERENCE_UNKNOWN']);
  }
});

test('buildTable() looks a name up again when it stands for something else than before', () => {
  const reading = using('m');
  const served = (...definitions: readonly Definition[]): readonly unknown[] => {
    const { value } = buildTable([reading, { ...readingOf(keeper), definitions }], { options: OPTIONS, claims: new Map() });
    return value.table.routes.map(({ action, middlewares }) => [action.kind, ...middlewares]);
  };

  const all = [declared(keeper, 'm', STRIP), declared(keeper, 'm', ALLOW), declared(keeper, 'other', STRIP)].map((one) => served(one));

  assert.deepEqual(all, [[['forward', STRIP]], [['forward', ALLOW]], [['respond']]]);
});

test('buildTable() does not look up names of other owners', () => {
  const foreign = { ...keeper, owner: 'team' as typeof keeper.owner };
  const compiled = compile([using('m'), { ...readingOf(foreign), definitions: [declared(foreign, 'm', STRIP)] }]);

  assert.deepEqual(codesOf(compiled), ['TRAEFIK_REFERENCE_UNKNOWN']);
});

test('buildTable() sends requests to the instances of the service that a router names', () => {
  const member = { protocol: 'http', pool: PLAIN_POOL } as const;
  const pool = [1, 2].map((number) => instanceOf('pool', { instance: `pool-${number}`, address: `10.0.1.${number}` }));
  const readings = pool.map((instance) => ({
    ...readingOf(instance),
    definitions: [
      { kind: 'service', name: 'pool', span: tagSpan(instance, 0), endpoint: { address: instance.address, port: port(81) }, ...member },
    ] as const,
  }));
  const compiled = compile([readingOf(user, intentOf(user, matchOf('h.io'), { backend: referTo(user, 'service', 'pool') })), ...readings]);

  assert.deepEqual(
    compiled.value.table.backends[0]?.endpoints.map(({ address, port: number }) => `${address}:${number}`),
    ['10.0.1.1:81', '10.0.1.2:81'],
  );
  assert.deepEqual(compiled.value.table.routes[0]?.services, ['pool', 'user']);
});

test('buildTable() takes transports and policies from the operator', () => {
  const reading = readingOf(
    user,
    intentOf(user, matchOf('h.io'), { transport: referTo(user, 'transport', 'quick'), middlewares: [referTo(user, 'policy', 'inner')] }),
  );
  const transports = new Map([['quick', { skipVerify: true, dialTimeoutMs: 100 }]]);
  const policies = new Map([['inner', { name: 'inner', middlewares: [ALLOW, STRIP] }]]);
  const { value } = compile([reading], { transports, policies });

  assert.deepEqual(value.table.backends[0]?.transport, { skipVerify: true, dialTimeoutMs: 100 });
  assert.deepEqual(value.table.routes[0]?.middlewares, [ALLOW, STRIP]);
});

/** What is said of the route of `user`, what stands at its tags beside it, and how it is at fault. */
function heard(readings: readonly Reading[], overrides: Partial<CompileOptions> = {}) {
  const { value, diagnostics } = compile(readings, overrides);
  return {
    said: diagnostics
      .filter(({ code }) => code !== 'ROUTE_POOLED')
      .map(({ code, message, span, related }) => [code, span?.service, message, ...related.map(({ service }) => service)].join(' | ')),
    faults: [...value.faults.values()].map(({ kind, code }) => `${kind} ${code}`),
  };
}

const MISSING = ['protective TRAEFIK_REFERENCE_UNKNOWN'];
const asking = (reference: Partial<RouteIntent>) => readingOf(user, intentOf(user, matchOf('h.io'), reference));
const POLICIES: Partial<CompileOptions> = {
  policies: new Map([
    ['inner', { name: 'inner', middlewares: [] }],
    ['outer', { name: 'outer', middlewares: [] }],
  ]),
};

const UNKNOWN: readonly (readonly [what: string, readings: readonly Reading[], options: Partial<CompileOptions>, message: string])[] = [
  ['an unknown middleware', [using('m')], {}, 'Cannot find middleware "m"'],
  ['an unknown policy', [using('m', 'policy')], {}, 'Cannot find policy "m", none is configured'],
  ['an unknown policy beside others', [using('m', 'policy')], POLICIES, 'Cannot find policy "m", expected one of inner, outer'],
  ['an unknown transport', [asking({ transport: referTo(user, 'transport', 't') })], {}, 'Cannot find transport "t", none is configured'],
  ['an unknown service', [asking({ backend: referTo(user, 'service', 's') })], {}, 'Cannot find service "s"'],
  [
    'a policy without TLS options',
    [asking({ tlsProfile: referTo(user, 'policy', 'inner') })],
    POLICIES,
    'Cannot find the TLS options of policy "inner", expected one of inner, outer',
  ],
  [
    'a middleware that names itself',
    [using('loop'), { ...readingOf(keeper), definitions: [declared(keeper, 'loop', referTo(keeper, 'middleware', 'loop'))] }],
    {},
    'Cannot follow middleware "loop": it leads to itself, or to too many others',
  ],
];

for (const [what, readings, options, message] of UNKNOWN)
  test(`buildTable() withholds a route because of ${what}, and says so`, () => {
    const [, holder] = readings;
    const { said, faults } = heard(readings, options);

    assert.deepEqual(said, [`TRAEFIK_REFERENCE_UNKNOWN | ${holder ? 'keeper' : 'user'} | ${message}: the route answers 503`]);
    assert.deepEqual(faults, MISSING);
  });

test('buildTable() names both services that declare a middleware, or the middlewares of a service, differently', () => {
  const other = instanceOf('other', { instance: 'other-1', address: '10.0.0.8', tags: ['m'] });
  const service = (instance: ServiceInstance, ...middlewares: readonly Middleware[]): Reading => ({
    ...readingOf(instance),
    definitions: [
      {
        kind: 'service',
        name: 's',
        span: tagSpan(instance, 0),
        middlewares,
        protocol: 'http',
        pool: PLAIN_POOL,
        endpoint: { address: instance.address, port: port(1) },
      },
    ],
  });
  const middleware = (instance: ServiceInstance, ...middlewares: readonly Middleware[]): Reading => ({
    ...readingOf(instance),
    definitions: [declared(instance, 'm', ...middlewares)],
  });
  const routed = asking({ backend: referTo(user, 'service', 's') });

  assert.deepEqual(heard([using('m'), middleware(keeper, STRIP), middleware(other, ALLOW)]).said, [
    'TRAEFIK_REFERENCE_UNKNOWN | user | Cannot choose middleware "m": "keeper" and "other" declare it differently: the route answers 503 | keeper | other',
  ]);
  assert.deepEqual(heard([routed, service(keeper, STRIP), service(other)]).said, [
    'TRAEFIK_REFERENCE_UNKNOWN | user | Cannot choose the middlewares of service "s": the route answers 503 | keeper | other',
  ]);
  assert.deepEqual(heard([using('m'), middleware(keeper, STRIP), middleware(other, STRIP)]), { said: [], faults: [] });
  assert.deepEqual(heard([routed, service(keeper, STRIP), service(other, STRIP)]), { said: [], faults: [] });
  assert.deepEqual(compile([routed, service(keeper, STRIP)]).value.table.routes[0]?.middlewares, [STRIP]);
});

test('buildTable() tells pools of error pages apart that two services declare under one name', () => {
  const other = instanceOf('other', { instance: 'other-1', address: '10.0.0.8', tags: ['m'] });
  const pages = (instance: ServiceInstance, name: string): Reading => {
    const side = { name, protocol: 'http', pool: PLAIN_POOL, endpoint: { address: instance.address, port: port(1) } } as const;
    return {
      ...readingOf(instance),
      definitions: [{ ...declared(instance, 'm', STRIP), kind: 'middleware', middlewares: [STRIP], sidePools: [side] }],
    };
  };

  assert.deepEqual(heard([using('m'), pages(keeper, 'a'), pages(other, 'a')]).faults, []);
  assert.deepEqual(heard([using('m'), pages(keeper, 'a'), pages(other, 'b')]).faults, MISSING);
});

test('buildTable() withholds a route for the fault of a middleware that it uses, and for a protective one before others', () => {
  const quarantined = { kind: 'quarantined', code: 'TRAEFIK_LABEL_VALUE' } as const;
  const protective = { kind: 'protective', code: 'TRAEFIK_LABEL_UNKNOWN' } as const;
  const faulty = (fault: Fault): Reading => ({ ...readingOf(keeper), definitions: [{ ...declared(keeper, 'm', STRIP), fault }] });
  const routed = asking({ middlewares: [referTo(user, 'middleware', 'm')], fault: quarantined });

  assert.deepEqual(heard([using('m'), faulty(quarantined)]).faults, ['quarantined TRAEFIK_LABEL_VALUE']);
  assert.deepEqual(heard([routed, faulty(protective)]).faults, ['protective TRAEFIK_LABEL_UNKNOWN']);
});

test('buildTable() says where Traefik would not find a middleware: in other letters, or of unhealthy instances only', () => {
  const ill = instanceOf('ill', { instance: 'ill-1', address: '10.0.0.7', tags: ['m'], health: 'critical' });
  const has = (instance: ServiceInstance, ...names: readonly string[]): Reading => ({
    ...readingOf(instance),
    definitions: names.map((name) => declared(instance, name, STRIP)),
  });

  assert.deepEqual(heard([using('M'), has(keeper, 'm')]).said, [
    'TRAEFIK_NAME_CASE | user | "M" is declared as "m": Traefik would not find it | keeper',
  ]);
  assert.deepEqual(heard([using('M'), has(keeper, 'm'), has(ill, 'M')]).said, []);
  assert.deepEqual(heard([using('m'), has(ill, 'm')]).said, [
    'TRAEFIK_NAME_UNHEALTHY | user | "m" is declared by unhealthy instances only, used nevertheless: Traefik would not find it | ill',
  ]);
  assert.deepEqual(heard([using('m'), has(ill, 'm'), has(keeper, 'm')]).said, []);
});

test('buildTable() keeps the share, the weight and the TLS of the instances of a service that a router names', () => {
  const pool = [1, 2].map((number) => instanceOf('pool', { instance: `pool-${number}`, address: `10.0.1.${number}` }));
  const endpoints = (overrides: Partial<RouteIntent>, wishes: readonly Partial<PoolMember>[]): readonly string[] => {
    const readings = pool.map(
      (instance, index): Reading => ({
        ...readingOf(instance),
        definitions: [
          {
            kind: 'service',
            name: 'pool',
            span: tagSpan(instance, 0),
            protocol: 'http',
            pool: PLAIN_POOL,
            endpoint: { address: instance.address, port: port(81) },
            ...wishes[index],
          },
        ],
      }),
    );
    const { value } = compile([asking({ backend: referTo(user, 'service', 'pool'), ...overrides }), ...readings], {
      entryPoints: [...OPTIONS.entryPoints, { name: 'raw', address: ':9', port: port(9), protocol: 'tcp', tls: false }],
    });
    return value.table.backends.flatMap(({ endpoints: all }) =>
      all.map(({ address, weight, tls }) => `${address} ${weight}${tls ? ' TLS' : ''}`),
    );
  };
  const tcp = { dialect: 'traefik', protocol: 'tcp', entryPoints: { kind: 'tcp', names: ['raw'] } } as const;

  assert.deepEqual(endpoints({ dialect: 'traefik' }, [{ weight: 3 }, {}]), ['10.0.1.1 3', '10.0.1.2 1']);
  assert.deepEqual(endpoints({}, [{ share: 0.75 }, { share: 0.25 }]), ['10.0.1.1 3', '10.0.1.2 1']);
  assert.deepEqual(endpoints(tcp, [{ protocol: 'tcp', tls: true }, { protocol: 'tcp' }]), ['10.0.1.1 1 TLS', '10.0.1.2 1']);
});
