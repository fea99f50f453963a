import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutUnseenHost, type Middleware } from '../../src/model/middleware.ts';

const HOST = { name: 'Host', value: 'set.io' };
const OTHER = { name: 'X-A', value: '1' };
const SETTING: Middleware = { kind: 'headers', request: [HOST], response: [] };
const SETTING_BOTH: Middleware = { kind: 'headers', request: [OTHER, { ...HOST, name: 'host' }], response: [] };

/** What may stand behind it, and whether that looks at the Host header. */
const BEHIND: readonly (readonly [middleware: Middleware | { readonly kind: 'reference' }, looks: boolean])[] = [
  [{ kind: 'allowedHosts', hosts: ['set.io'] }, true],
  [{ kind: 'redirectScheme', scheme: 'https', permanent: false }, true],
  [{ kind: 'redirectRegexp', regexp: '/a', replacement: '/b', permanent: false }, true],
  [{ kind: 'forwardAuth', address: 'http://127.0.0.1:1/', copyHeaders: [], bypass: [] }, true],
  [{ kind: 'inFlight', amount: 1, by: { kind: 'host' } }, true],
  [{ kind: 'inFlight', amount: 1, by: { kind: 'header', name: 'X-A' } }, false],
  [{ kind: 'reference' }, true],
  [{ kind: 'stripPrefix', prefixes: ['/a'] }, false],
];

for (const [behind, looks] of BEHIND)
  test(`withoutUnseenHost() ${looks ? 'keeps' : 'takes away'} a Host header before ${JSON.stringify(behind)}`, () => {
    assert.deepEqual(withoutUnseenHost([SETTING, behind]), looks ? [SETTING, behind] : [behind]);
    assert.deepEqual(withoutUnseenHost([behind, SETTING]), [behind]);
  });

test('withoutUnseenHost() leaves the other headers of a middleware', () => {
  assert.deepEqual(withoutUnseenHost([SETTING_BOTH]), [{ kind: 'headers', request: [OTHER], response: [] }]);
});
