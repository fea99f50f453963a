import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteIntent } from '../../src/model/intent.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import { ownerId } from '../../src/model/names.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import { CASE_DIALECTS, codesOf, compile, instanceOf, intentOf, matchOf, OPTIONS, port, readingOf } from '../support/intents.ts';

/** What is served of these readings, and what is said. */
function served(...[readings, overrides]: Parameters<typeof compile>): {
  readonly hosts: readonly string[];
  readonly said: readonly string[];
} {
  const { value, diagnostics } = compile(readings, overrides);
  return {
    hosts: value.table.routes.map(({ match: { host } }) => (host.kind === 'exact' ? host.host : host.kind)).toSorted(),
    said: diagnostics.map(({ code, message, span }) => `${code} ${span?.service} ${span?.tagIndex}: ${message}`),
  };
}

const limits = (wishes: Partial<typeof OPTIONS.limits>): Partial<typeof OPTIONS> => ({ limits: { ...OPTIONS.limits, ...wishes } });

test('buildTable() serves the first routes of an instance up to the limit of a service, and says how many it leaves out', () => {
  const web = instanceOf('web', { tags: ['0', '1', '2', '3'] });
  const route = (index: number, overrides: Partial<RouteIntent> = {}): RouteIntent =>
    intentOf(web, matchOf(`h${index}.io`), { spans: [tagSpan(web, index)], ...overrides });
  const reading = readingOf(web, route(0), route(1), route(2), route(3));
  const beside = readingOf(web, route(0), route(1, { entryPoints: { kind: 'tls', secondary: true } }), route(2));

  assert.deepEqual(served([reading], limits({ routesPerService: 2 })), {
    hosts: ['h0.io', 'h1.io'],
    said: ['ROUTE_LIMIT web 2: Cannot serve 2 routes of this service: it asks for 4, expected at most 2'],
  });
  assert.deepEqual(served([reading], limits({ routesPerService: 4 })), { hosts: ['h0.io', 'h1.io', 'h2.io', 'h3.io'], said: [] });
  assert.deepEqual(served([beside], limits({ routesPerService: 2 })), { hosts: ['h0.io', 'h1.io', 'h2.io'], said: [] });
});

test('buildTable() serves the services of an owner up to its limit, those that came first', () => {
  const service = (name: string, modifyIndex: number, owner = 'default', number = 1) => {
    const instance = instanceOf(name, { instance: `${name}-${number}`, address: `10.0.0.${number}`, owner: ownerId(owner), modifyIndex });
    return readingOf(instance, intentOf(instance, matchOf(`${name}.io`)));
  };
  const readings = [service('old', 9), service('old', 1, 'default', 2), service('late', 5), service('later', 6), service('early', 3)];
  const others = [service('theirs', 8, 'team'), readingOf(instanceOf('silent', { modifyIndex: 0 }))];
  const said = 'ROUTE_LIMIT late 0: Cannot serve 2 services of "default": it has 4, expected at most 2';

  assert.deepEqual(served([...readings, ...others], limits({ servicesPerOwner: 2 })), {
    hosts: ['early.io', 'old.io', 'theirs.io'],
    said: [said],
  });
  assert.deepEqual(served([...readings, ...others], limits({ servicesPerOwner: 4 })).said, []);
  assert.deepEqual(served(readings.slice(0, 2), limits({ servicesPerOwner: 1 })), { hosts: ['old.io'], said: [] });
});

test('buildTable() takes of equal wishes of an instance that of the highest priority, else the first, and names the other tag', () => {
  const web = instanceOf('web', { tags: ['a', 'b'] });
  const asks = (index: number, path: string, overrides: Partial<RouteIntent> = {}): RouteIntent =>
    intentOf(web, matchOf('h.io'), {
      spans: [tagSpan(web, index)],
      middlewares: [{ kind: 'addPrefix', prefix: path }],
      ...overrides,
    });
  const taken = (...intents: readonly RouteIntent[]): readonly unknown[] => {
    const { value, diagnostics } = compile([readingOf(web, ...intents)]);
    return [
      ...value.table.routes.flatMap(({ middlewares }) => middlewares.map((one) => (one.kind === 'addPrefix' ? one.prefix : one.kind))),
      ...diagnostics.map(({ code, span, related }) => `${code} ${span?.tagIndex} ${related.map(({ tagIndex }) => tagIndex).join()}`),
    ];
  };
  const router = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;

  assert.deepEqual(taken(asks(0, '/a'), asks(1, '/b')), ['/a', 'ROUTE_DUPLICATE 1 0']);
  assert.deepEqual(taken(asks(0, '/a'), asks(0, '/b')), ['/a']);
  assert.deepEqual(taken(asks(0, '/a', { ...router, priority: 1 }), asks(1, '/b', { ...router, priority: 2 })), [
    '/b',
    'ROUTE_DUPLICATE 0 1',
  ]);
});

test('buildTable() reads no dialect that is not accepted', () => {
  const web = instanceOf('web');
  const reading = readingOf(web, intentOf(web, matchOf('h.io')));

  assert.deepEqual(served([reading], { accept: ['hind'] }), { hosts: [], said: [] });
});

test('buildTable() gives connections and datagrams routes of their own protocol', () => {
  const web = instanceOf('web');
  const entryPoints = [
    ...OPTIONS.entryPoints,
    { name: 'raw', address: ':9000', port: port(9000), protocol: 'tcp', tls: false },
    { name: 'datagrams', address: ':9001', port: port(9001), protocol: 'udp', tls: false },
  ] as const;
  const reading = readingOf(
    web,
    intentOf(web, matchOf('*'), { dialect: 'traefik', protocol: 'tcp', entryPoints: { kind: 'tcp', names: ['raw'] } }),
    intentOf(web, matchOf('*'), { dialect: 'traefik', protocol: 'udp', entryPoints: { kind: 'udp', names: ['datagrams'] } }),
    intentOf(web, matchOf('h.io')),
  );

  assert.deepEqual(
    compile([reading], { entryPoints })
      .value.table.routes.map(({ protocol, entryPoints: names }) => `${protocol} ${names.join()}`)
      .toSorted(),
    ['http web,websecure', 'tcp raw', 'udp datagrams'],
  );
});

test('buildTable() answers 503 where an instance has an address that is refused', () => {
  const web = instanceOf('web', { address: '127.0.0.1' });
  const compiled = compile([readingOf(web, intentOf(web, matchOf('h.io')))]);

  assert.deepEqual(
    compiled.value.table.routes.map(({ action }) => action),
    [{ kind: 'respond', status: 503, reason: 'unhealthy' }],
  );
  assert.ok(codesOf(compiled).includes('ROUTE_ADDRESS_REFUSED'));
});

test('readTags() and buildTable() say once for each service how many of its tags are over the limits', () => {
  const many = Array.from({ length: 2000 }, (_, index) => `urlprefix-h${index}.io/`);
  const readingOfTags = (service: string, number: number, tags: readonly string[]) => {
    const instance = instanceOf(service, { instance: `${service}-${number}`, address: `10.0.0.${number}`, tags });
    return {
      instance,
      local: false,
      ...readTags(instance, CASE_DIALECTS).value,
      diagnostics: readTags(instance, CASE_DIALECTS).diagnostics,
    };
  };
  const long = `urlprefix-long.io/${'x'.repeat(9000)}`;
  const readings = [readingOfTags('many', 1, many), readingOfTags('many', 2, many), readingOfTags('long', 3, ['urlprefix-a.io/', long])];

  const { said } = served(readings, limits({ routesPerService: 10_000 }));

  assert.deepEqual(said, [
    'TAG_LIMIT long 1: Cannot read tag 2: 9018 characters, expected at most 8192 and 512 tags',
    'TAG_LIMIT many 512: Cannot read 1488 tags, the first is tag 513: it has 18 characters, and the instance 2000 tags, expected at most 8192 and 512 tags; 2 instances of the service exceed them',
  ]);
});
