import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN_POOL } from '../../src/model/pool.ts';
import type { Redirect } from '../../src/model/route.ts';
import { compile, host, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const web = instanceOf('web');
const text = (words: string): Redirect['to'][number] => ({ kind: 'text', text: words });

/** Why a route may not redirect so, where only a.io and b.io are redirected to. */
function refusal(to: Redirect['to'], redirectHosts = [host('a.io'), host('b.io')]): string {
  const reading = readingOf(web, intentOf(web, matchOf('h.io'), { action: { kind: 'redirect', redirect: { status: 302, to } } }));
  const { diagnostics } = compile([reading], { redirectHosts });
  return diagnostics.map(({ code, message, span }) => `${code} ${span?.service}: ${message}`).join() || 'none';
}

const elsewhere = 'ROUTE_TARGET_REFUSED web: Cannot redirect to "x.io": expected one of a.io, b.io';
const REDIRECTS: readonly (readonly [to: Redirect['to'], expected: string])[] = [
  [[text('https://a.io/p')], 'none'],
  [[text('http://B.io:8443'), { kind: 'path' }], 'none'],
  [[text('https://x.io')], elsewhere],
  [[text('HTTP://x.io:8'), { kind: 'path' }], elsewhere],
  [[text('http://x.io?to=a.io')], elsewhere],
  [[text('https://x.io'), { kind: 'path' }], elsewhere],
  [[text('https://'), { kind: 'host' }, { kind: 'path' }], 'none'],
  [[text('https://'), { kind: 'hostname' }, text(':8443')], 'none'],
  [[{ kind: 'path' }], 'none'],
  [[text('/go?u=https://x.io')], 'none'],
];

for (const [to, expected] of REDIRECTS)
  test(`targetProblem() says of a redirect to ${JSON.stringify(to)}: ${expected}`, () => {
    assert.equal(refusal(to), expected);
  });

test('targetProblem() refuses a host that ends in that of the request, and nothing where no hosts are listed', () => {
  const message = 'ROUTE_TARGET_REFUSED web: Cannot redirect to "x.io.$host": expected one of a.io, b.io';
  assert.equal(refusal([text('https://x.io.'), { kind: 'hostname' }]), message);
  assert.equal(refusal([text('https://x.io')], []), 'none');
});

test('buildTable() quarantines a route that may not redirect there', () => {
  const action = { kind: 'redirect', redirect: { status: 302, to: [text('https://x.io')] } } as const;
  const { table, faults } = compile([readingOf(web, intentOf(web, matchOf('h.io'), { action }))], { redirectHosts: [host('a.io')] }).value;

  assert.deepEqual([...faults.values()], [{ kind: 'quarantined', code: 'ROUTE_TARGET_REFUSED' }]);
  assert.deepEqual(
    table.routes.map(({ action: { kind } }) => kind),
    ['respond'],
  );
});

test('targetProblem() refuses to ask an instance under a host of the operator', () => {
  const asking = (name: string): readonly string[] => {
    const pool = { ...PLAIN_POOL, upstreamHost: { kind: 'fixed', host: host(name) } } as const;
    const reading = readingOf(web, intentOf(web, matchOf('h.io'), { pool }));
    return compile([reading], { reservedHosts: [host('admin.io')] }).diagnostics.map(({ code, message }) => `${code} ${message}`);
  };

  assert.deepEqual(asking('admin.io'), ['ROUTE_TARGET_REFUSED Cannot send Host "admin.io" to the instance: the host is reserved']);
  assert.deepEqual(asking('other.io'), []);
});
