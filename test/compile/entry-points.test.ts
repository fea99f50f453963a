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
