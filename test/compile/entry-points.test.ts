import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveEntryPoints } from '../../src/compile/entry-points.ts';
import type { EntryPoint, EntryPointChoice } from '../../src/model/entry-point.ts';
import { ENTRY_POINTS, port } from '../support/intents.ts';

const MYSQL: EntryPoint = { name: 'mysql', address: ':3306', port: port(3306), protocol: 'tcp', tls: false };

function resolve(choice: EntryPointChoice, tls = true, entryPoints = [...ENTRY_POINTS, MYSQL]): string {
  const { names, problems } = resolveEntryPoints(choice, { entryPoints, tls, openPorts: { except: new Set([2019]) } });
  return [...names, ...problems.map(({ code }) => code)].join(' ');
}

const CHOICES: readonly (readonly [string, EntryPointChoice, string])[] = [
  ['the tcp entry point on its port', { kind: 'tcp', port: port(3306) }, 'mysql'],
  ['every tcp entry point', { kind: 'tcp' }, 'mysql'],
  ['those that end TLS too where it passes it on', { kind: 'tcp', beforeTls: true }, 'mysql websecure'],
  ['nothing on an http port', { kind: 'tcp', port: port(80) }, 'ROUTE_ENTRYPOINT_KIND'],
  ['nothing on a port without entry point', { kind: 'tcp', port: port(81) }, 'ROUTE_ENTRYPOINT_MISSING'],
];

for (const [found, choice, expected] of CHOICES)
  test(`resolveEntryPoints() gives a tcp route ${found}`, () => {
    assert.equal(resolve(choice), expected);
  });

test('resolveEntryPoints() passes no TLS on where the proxy ends none', () => {
  assert.equal(resolve({ kind: 'tcp', beforeTls: true }, false), 'mysql');
  assert.equal(resolve({ kind: 'tcp', beforeTls: true }, false, [...ENTRY_POINTS]), 'ROUTE_ENTRYPOINT_MISSING');
});

const PORTS: readonly (readonly [string, number, boolean, string])[] = [
  ['the entry point there', 443, true, 'websecure'],
  ['a port of its own', 8443, true, '8443'],
  ['nothing below 1024', 1023, true, 'ROUTE_ENTRYPOINT_MISSING'],
  ['nothing where an administrative endpoint is', 2019, true, 'ROUTE_ENTRYPOINT_MISSING'],
  ['nothing on a port of another kind', 3306, true, 'ROUTE_ENTRYPOINT_KIND'],
  ['nothing without TLS', 8080, false, 'ROUTE_ENTRYPOINT_MISSING'],
];

for (const [found, number, tls, expected] of PORTS)
  test(`resolveEntryPoints() gives a route that names a port ${found}`, () => {
    assert.equal(resolve({ kind: 'port', port: port(number), tls }), expected);
  });

/** What is said about a choice. */
function messageOf(choice: EntryPointChoice, tls = true): string {
  const { problems } = resolveEntryPoints(choice, { entryPoints: [...ENTRY_POINTS, MYSQL], tls, openPorts: { except: new Set([2019]) } });
  return problems.map(({ message }) => message).join('; ');
}

const TLS_OFF = 'Cannot serve the route: it needs TLS and `tls.mode` is off, expected `tls.mode: internal` or `files`';
const MESSAGES: readonly (readonly [string, EntryPointChoice, boolean, string])[] = [
  ['a choice of TLS', { kind: 'tls' }, false, TLS_OFF],
  ['a name with TLS', { kind: 'named', names: ['websecure'], tls: true }, false, TLS_OFF],
  ['a port with TLS', { kind: 'port', port: port(443), tls: true }, false, TLS_OFF],
  ['a part that another intent speaks for', { kind: 'tls', secondary: true }, false, ''],
  [
    'a port of tcp',
    { kind: 'port', port: port(3306), tls: true },
    true,
    'Cannot serve the route: port 3306 is of another kind, expected http with TLS',
  ],
  [
    'a port with TLS for a route without',
    { kind: 'port', port: port(443), tls: false },
    true,
    'Cannot serve the route: port 443 is of another kind, expected http without TLS',
  ],
  [
    'a port that is not free',
    { kind: 'port', port: port(1023), tls: true },
    true,
    'Cannot serve the route: ports below 1024 are only opened by configuration',
  ],
  [
    'an administrative port',
    { kind: 'port', port: port(2019), tls: true },
    true,
    'Cannot serve the route: an administrative endpoint is on port 2019',
  ],
  ['a port without TLS', { kind: 'port', port: port(8080), tls: false }, true, 'Cannot serve the route: no entry point on port 8080'],
  ['a name that fits', { kind: 'named', names: ['websecure'], tls: true }, true, ''],
  [
    'a name without TLS',
    { kind: 'named', names: ['web'], tls: true },
    true,
    'Cannot use entry point "web": http without TLS does not fit this router',
  ],
  [
    'a name with TLS for a router without',
    { kind: 'named', names: ['websecure'], tls: false },
    true,
    'Cannot use entry point "websecure": http with TLS does not fit this router',
  ],
  ['a name of tcp', { kind: 'named', names: ['mysql'], tls: false }, true, 'Cannot use entry point "mysql": tcp does not fit this router'],
  [
    'a name of nothing',
    { kind: 'named', names: ['x'], tls: false },
    true,
    'Cannot use entry point "x": it is not configured, expected one of web, websecure, mysql',
  ],
  ['no entry point of udp', { kind: 'udp' }, true, 'Cannot serve the route: no entry point is declared `udp`'],
  [
    'a port of http for tcp',
    { kind: 'tcp', port: port(443) },
    true,
    'Cannot serve the tcp route: the entry point on port 443 speaks http, expected `protocol: tcp`',
  ],
];

for (const [what, choice, tls, expected] of MESSAGES)
  test(`resolveEntryPoints() ${expected === '' ? 'says nothing about' : 'says what is wrong with'} ${what}`, () => {
    assert.equal(messageOf(choice, tls), expected);
  });

test('resolveEntryPoints() joins all of http, without TLS only those that end none', () => {
  assert.equal(resolve({ kind: 'both' }), 'web websecure');
  assert.equal(resolve({ kind: 'both' }, false), 'web');
  assert.equal(resolve({ kind: 'plain' }), 'web');
  assert.equal(resolve({ kind: 'tls' }), 'websecure');
  assert.equal(resolve({ kind: 'tls' }, true, [MYSQL]), 'ROUTE_ENTRYPOINT_MISSING');
  assert.equal(
    resolveEntryPoints({ kind: 'plain' }, { entryPoints: [], tls: true, openPorts: 'none' }).problems[0]?.message,
    'Cannot serve the route: no entry point of its kind is configured',
  );
});

test('resolveEntryPoints() takes only what fits of several entry points on one port', () => {
  const several: readonly EntryPoint[] = ['a', 'b', 'c'].map((name, index) => ({
    name,
    address: ':3306',
    port: port(3306),
    protocol: index === 0 ? 'tcp' : 'http',
    tls: index === 1,
  }));

  assert.equal(resolve({ kind: 'tcp', port: port(3306) }, true, [...several]), 'a');
  assert.equal(resolve({ kind: 'port', port: port(3306), tls: true }, true, [...several]), 'b');
  assert.equal(resolve({ kind: 'port', port: port(3306), tls: false }, true, [...several]), 'c');
  assert.equal(resolve({ kind: 'tcp', beforeTls: true }, true, [...several, { ...MYSQL, name: 'd', protocol: 'udp', tls: true }]), 'a b');
});

test('resolveEntryPoints() opens ports from 1024 where ports may be opened, and none where not', () => {
  assert.equal(resolve({ kind: 'port', port: port(1024), tls: true }), '1024');
  assert.equal(
    resolveEntryPoints({ kind: 'port', port: port(8443), tls: true }, { entryPoints: ENTRY_POINTS, tls: true, openPorts: 'none' })
      .problems[0]?.code,
    'ROUTE_ENTRYPOINT_MISSING',
  );
});
