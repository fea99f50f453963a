import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAskedUrl, requestsOf } from '../../src/controller/asked-url.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import { ENTRY_POINTS, port } from '../support/intents.ts';

const POINTS: readonly EntryPoint[] = [
  ...ENTRY_POINTS,
  { name: 'alt', address: ':8443', port: port(8443), protocol: 'http', tls: true },
  { name: 'mysql', address: ':3306', port: port(3306), protocol: 'tcp', tls: false },
];

const asked = (url: string): readonly (readonly [string, string])[] =>
  requestsOf(readAskedUrl(url), {}, POINTS).map(({ entryPoint, host }) => [entryPoint.name, host]);

test('readAskedUrl() keeps path and query as they are and writes in escapes what no request line holds', () => {
  assert.deepEqual(readAskedUrl('https://H.io/a//b/../%2Fc?x=1#part').url, { path: '/a//b/..//c', rawPath: '/a//b/../%2Fc', query: 'x=1' });
  assert.deepEqual(readAskedUrl('h.io/\u00e9 x').url, { path: '/\u00c3\u00a9 x', rawPath: '' });
  assert.deepEqual(readAskedUrl('h.io?x').url, { path: '/', rawPath: '', query: 'x' });
});

test('requestsOf() asks at the entry point of scheme and port, and says the port in Host only where a client would', () => {
  assert.deepEqual(asked('https://h.io:443/'), [['websecure', 'h.io']]);
  assert.deepEqual(asked('https://h.io:8443/'), [['alt', 'h.io:8443']]);
  assert.deepEqual(asked('http://h.io:8080/'), [['web', 'h.io:8080']]);
  assert.deepEqual(asked('https://[::1]:8443/'), [['alt', '[::1]:8443']]);
  assert.deepEqual(asked('tcp://db.io:3306'), [['mysql', 'db.io:3306']]);
});

test('requestsOf() asks at a plain and at a TLS entry point where the URL has no scheme', () => {
  assert.deepEqual(asked('h.io/x'), [
    ['web', 'h.io'],
    ['websecure', 'h.io'],
  ]);
  assert.deepEqual(asked('/x'), [
    ['web', ''],
    ['websecure', ''],
  ]);
});

test("requestsOf() takes method, headers and address, and a Host header in the place of the URL's", () => {
  const [request] = requestsOf(
    readAskedUrl('http://h.io/'),
    { method: 'put', headers: ['Host: other.io', 'X-A: b: c'], ip: '::1' },
    POINTS,
  );

  assert.deepEqual(request && [request.method, request.host, request.headers, request.ip], [
    'PUT',
    'other.io',
    [{ name: 'X-A', value: 'b: c' }],
    '::1',
  ]);
});

for (const url of ['', 'https://', 'ftp://h.io/', 'http://u@h.io/', 'http://h io/', 'http://h.io:0/', 'http://h.io:x/', 'http://h.io/%zz'])
  test(`readAskedUrl() refuses ${JSON.stringify(url)}`, () => {
    assert.throws(() => readAskedUrl(url), RangeError);
  });

test('requestsOf() refuses what no request has', () => {
  const url = readAskedUrl('http://h.io/');
  assert.throws(() => requestsOf(url, { method: 'G T' }, POINTS), /the method/);
  assert.throws(() => requestsOf(url, { ip: '10.0.0' }, POINTS), /no address/);
  assert.throws(() => requestsOf(url, { headers: ['X-A'] }, POINTS), /the header/);
  assert.throws(() => requestsOf(readAskedUrl('tcp://h.io:99'), {}, POINTS), /no entry point takes it/);
});
