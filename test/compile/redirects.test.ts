import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompileOptions } from '../../src/compile/options.ts';
import { hostKey } from '../../src/model/match.ts';
import { sourceId } from '../../src/model/names.ts';
import { compile, ENTRY_POINTS, host, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

const service = instanceOf('a');
const hind = intentOf(service, matchOf('h.io'), { dialect: 'hind', entryPoints: { kind: 'tls' }, pathForm: 'raw' });
const actions = (compiled: ReturnType<typeof compile>): readonly string[] =>
  compiled.value.table.routes.map(({ entryPoints, action }) => `${entryPoints.join('+')} ${action.kind}`);

test('withHttpsRedirects() answers plain http with a redirect when the route is HinD’s', () => {
  const compiled = compile([readingOf(service, hind)]);
  assert.deepEqual(actions(compiled), ['websecure forward', 'web redirect']);
  const redirect = compiled.value.table.routes[1]?.action;
  assert.deepEqual(redirect?.kind === 'redirect' && [redirect.redirect.status, redirect.redirect.otherStatus], [301, 308]);
});

test('withHttpsRedirects() leads plain http to https as long as a HinD tag asks for the route, whichever dialect is used for it', () => {
  const labelled = intentOf(service, matchOf('h.io'), { dialect: 'traefik', entryPoints: { kind: 'tls' } });
  assert.deepEqual(actions(compile([readingOf(service, hind, labelled)])).toSorted(), ['web redirect', 'websecure forward']);
  assert.deepEqual(actions(compile([readingOf(service, labelled)])), ['websecure forward']);
});

test('withHttpsRedirects() stays away when another route answers plain http for the host', () => {
  const fabio = intentOf(service, matchOf('h.io'), { entryPoints: { kind: 'plain' } });
  assert.deepEqual(actions(compile([readingOf(service, hind, fabio)])), ['websecure forward', 'web forward'].toSorted());
});

test('withHttpsRedirects() moves routes without a port to https when asked for all', () => {
  const fabio = intentOf(service, matchOf('f.io'));
  assert.deepEqual(actions(compile([readingOf(service, fabio)], { httpsRedirect: 'withoutPort' })), ['web redirect', 'websecure forward']);
});

test('unknownHostRedirect() comes last and spares the ACME path', () => {
  const compiled = compile([readingOf(service, hind)], { redirectUnknownHosts: true });
  const last = compiled.value.table.routes.at(-1);
  assert.equal(last?.match.host.kind, 'any');
  assert.deepEqual(last?.match.conditions[0]?.kind, 'not');
});

/** Where plain requests are led, and by which route. */
const led = (compiled: ReturnType<typeof compile>): readonly string[] =>
  compiled.value.table.routes.flatMap(({ action, entryPoints, match }) =>
    action.kind === 'redirect' ? [`${hostKey(match.host)} ${entryPoints.join('+')} ${JSON.stringify(action.redirect.to)}`] : [],
  );

const [WEB, WEBSECURE] = ENTRY_POINTS;
assert.ok(WEB && WEBSECURE);
const ALT = { ...WEB, name: 'alt', address: ':8080', port: port(8080) };
const HIGH = { ...WEBSECURE, address: ':8443', port: port(8443) };
const RAW = { ...WEB, name: 'raw', address: ':9000', port: port(9000), protocol: 'tcp' } as const;
const HTTPS = '[{"kind":"text","text":"https://"},{"kind":"hostname"},{"kind":"path"}]';

const LED: readonly (readonly [when: string, options: Partial<CompileOptions>, expected: readonly string[]])[] = [
  ['as usual', {}, [`=h.io web ${HTTPS}`]],
  ['never, where it is told so', { httpsRedirect: 'never' }, []],
  ['nowhere without TLS', { tls: false }, []],
  ['nowhere without an entry point that ends TLS', { entryPoints: [WEB] }, []],
  ['nowhere without a plain entry point', { entryPoints: [WEBSECURE, RAW] }, []],
  ['from every plain entry point', { entryPoints: [WEB, ALT, WEBSECURE, RAW] }, [`=h.io alt+web ${HTTPS}`]],
  [
    'to another port than the usual one',
    { entryPoints: [WEB, HIGH] },
    [`=h.io web ${HTTPS.replace(',{"kind":"path"}', ',{"kind":"text","text":":8443"},{"kind":"path"}')}`],
  ],
];

for (const [when, options, expected] of LED)
  test(`withHttpsRedirects() leads plain requests to https ${when}`, () => {
    assert.deepEqual(led(compile([readingOf(service, hind)], options)), expected);
  });

for (const [when, options, expected] of LED)
  test(`unknownHostRedirect() leads requests for unknown hosts to https ${when}`, () => {
    const unknown = led(compile([], { ...options, redirectUnknownHosts: true }));
    // whether HinD's routes are redirected does not concern those of nobody
    const all = options.httpsRedirect === 'never' ? [`=h.io web ${HTTPS}`] : expected;

    assert.deepEqual(
      unknown,
      all.map((text) => text.replace('=h.io', '*')),
    );
  });

test('withHttpsRedirects() leaves connections, plain routes and those that another plain entry point answers as they are', () => {
  const plain = intentOf(service, matchOf('p.io'), { entryPoints: { kind: 'plain' } });
  const twin = intentOf(service, matchOf('h.io'), { entryPoints: { kind: 'named', names: ['alt'], tls: false }, dialect: 'traefik' });
  const tcp = intentOf(service, matchOf('t.io'), { dialect: 'traefik', protocol: 'tcp', entryPoints: { kind: 'tcp', names: ['raw'] } });
  const options = { entryPoints: [WEB, ALT, WEBSECURE, RAW], httpsRedirect: 'withoutPort' } as const;

  assert.deepEqual(led(compile([readingOf(service, plain, tcp)], options)), []);
  assert.deepEqual(led(compile([readingOf(service, hind, twin)], options)), []);
});

test('reservedHostRoutes() answers 404 for every reserved host that no route of the operator serves', () => {
  const keeper = instanceOf('keeper', { source: sourceId('static') });
  const own = readingOf(keeper, intentOf(keeper, matchOf('b.io')));
  const wide = readingOf(service, intentOf(service, matchOf('*')));
  const reserved = (options: Partial<CompileOptions>): readonly unknown[] =>
    compile([own, wide], { reservedHosts: [host('a.io'), host('b.io'), host('c.io')], ...options }).value.table.routes.flatMap(
      ({ id, unit, owner, entryPoints, match, action, ...rest }) =>
        action.kind === 'respond'
          ? [
              [
                id.replace(/-[0-9a-f]+$/, ''),
                unit,
                owner,
                entryPoints.join('+'),
                hostKey(match.host),
                match.conditions.length,
                action.status,
                rest.services.length,
              ],
            ]
          : [],
    );

  assert.deepEqual(reserved({}), [
    ['reserved-a-io', 'operator reserved a.io', 'default', 'web+websecure', '=a.io', 0, 404, 0],
    ['reserved-c-io', 'operator reserved c.io', 'default', 'web+websecure', '=c.io', 0, 404, 0],
  ]);
  assert.deepEqual(reserved({ tls: false, entryPoints: [WEBSECURE, RAW, WEB, ALT], reservedHosts: [host('a.io')] }), [
    ['reserved-a-io', 'operator reserved a.io', 'default', 'alt+web', '=a.io', 0, 404, 0],
  ]);
  assert.deepEqual(reserved({ entryPoints: [RAW] }), []);
});

test('reservedHostRoutes() and unknownHostRedirect() give their routes ids of their own', () => {
  const { routes } = compile([], { reservedHosts: [host('a.io'), host('b.io')], redirectUnknownHosts: true }).value.table;

  assert.equal(new Set(routes.map(({ id }) => id)).size, 3);
  assert.ok(routes.every(({ id }) => /-[0-9a-f]{20}$/.test(id)));
});
