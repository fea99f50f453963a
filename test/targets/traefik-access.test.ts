import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

const SETTINGS = {
  ...caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 }),
  credentials: new Map([['staff', { usersFile: '/nowhere', users: [{ name: 'oracle', hash: new Secret('HASH') }] }]]),
};

const CASES: readonly (readonly [Middleware, readonly string[], RegExp])[] = [
  [{ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } }, [], /"ipAllowList"/],
  [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } }, [], /"oracle:HASH"/],
  [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'gone' } }, ['TRAEFIK_UNSUPPORTED'], /"service":\s*"hind-proxy-unavailable"/],
];

for (const [middleware, codes, content] of CASES)
  test(`traefikTarget.render() enforces ${JSON.stringify(middleware)} or withholds its route`, () => {
    const table = tableOf([routeOf('a', 'a.io', '/', { middlewares: [middleware], action: to('a') })], poolOf('a', [1]));

    const { value, diagnostics } = traefikTarget.render(table, SETTINGS);

    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      codes,
    );
    assert.match(value.files[0]?.content ?? '', content);
    const forwards = /"service":\s*"a"/.test(value.files[0]?.content ?? '');
    assert.equal(forwards, codes.length === 0);
  });
