import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unsupportedPolicies } from '../../src/cli/policy-check.ts';
import { loadConfig } from '../../src/config/load.ts';

const check = (config: Record<string, unknown>, modules: readonly string[] = []): readonly string[] =>
  unsupportedPolicies(loadConfig({ env: {}, flags: config }), { server: 'caddy', modules: new Set(modules) }).map(({ key }) => key);

test('unsupportedPolicies() names only the keys that the proxy cannot do', () => {
  assert.deepEqual(
    check({ policies: { api: { inFlight: { amount: 5 }, ipAllow: ['10.0.0.0/8'], redirectHttps: true, headers: { set: { a: 'b' } } } } }),
    ['policies.api.inFlight'],
  );
  assert.deepEqual(check({ policies: { api: { redirectHttps: false } } }), []);
});

test('unsupportedPolicies() says reason and code', () => {
  const [fault] = unsupportedPolicies(loadConfig({ env: {}, flags: { policies: { api: { inFlight: { amount: 5 } } } } }), {
    server: 'caddy',
    modules: new Set(),
  });

  assert.equal(fault?.code, 'POLICY_UNSUPPORTED');
  assert.match(fault?.message ?? '', /^Cannot do "policies\.api\.inFlight" with caddy: .+, expected .+$/);
});
