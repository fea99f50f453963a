import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlKey } from '../../src/compile/addresses.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { SETTINGS } from '../support/settings.ts';
import { codesOf, compile, instanceOf, OPTIONS } from '../support/intents.ts';
import { readInstance } from '../support/traefik-reading.ts';

const LABELS = [
  'traefik.enable=true',
  'traefik.http.routers.r.rule=Host(`a.io`)',
  'traefik.http.routers.r.service=s',
  'traefik.http.routers.r.middlewares=e',
  'traefik.http.middlewares.e.errors.status=500',
  'traefik.http.middlewares.e.errors.service=pages',
  'traefik.http.middlewares.e.errors.query=/',
  'traefik.http.services.s.loadbalancer.passhostheader=true',
  'traefik.http.services.pages.loadbalancer.server.port=2019',
];

test('buildTable() asks no address for error pages that no route may go to', () => {
  const control = { addresses: { ...OPTIONS.addresses, controlPorts: new Set([controlKey('10.0.0.1', 2019)]) } };
  for (const [address, options] of [
    ['{env.HOME}b', {}],
    ['169.254.169.254', {}],
    ['10.0.0.1', control],
  ] as const) {
    const { value, diagnostics } = readInstance(instanceOf('web', { address, tags: LABELS }));
    const compiled = compile([{ instance: instanceOf('web', { address, tags: LABELS }), local: false, ...value, diagnostics }], options);
    const { table } = compiled.value;
    const text = [caddyTarget, traefikTarget].map((target) => target.render(table, SETTINGS).value.files[0]?.content).join('');

    assert.ok(codesOf(compiled).includes('ROUTE_ADDRESS_REFUSED'), address);
    assert.ok(!text.includes(`${address}:2019`), address);
  }
});
