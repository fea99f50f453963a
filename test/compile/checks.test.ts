import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve, type Served } from '../support/conformance.ts';
import { instanceOf, OPTIONS } from '../support/intents.ts';

const LABELS = ['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`a.io`)'];
const CHECK = 'traefik.http.services.s.loadbalancer.healthcheck';

function made(...tags: readonly string[]): Served {
  return serve([instanceOf('web', { tags })], { addresses: { ...OPTIONS.addresses, uncheckedPorts: new Set([2019]) } });
}

test('buildTable() has no port checked at which a request changes what is served, and routes to the instance all the same', () => {
  for (const { codes, routes, caddyfile, traefik } of [
    made('urlprefix-a.io/ health=/config/apps health.port=2019 health.method=DELETE'),
    made(...LABELS, `${CHECK}.path=/stop`, `${CHECK}.port=2019`, `${CHECK}.method=POST`),
  ]) {
    assert.ok(codes.includes('ROUTE_CHECK_REFUSED'), codes.join());
    assert.match(routes.join('\n'), /a\.io.* → /);
    assert.doesNotMatch(caddyfile, /health_uri/);
    assert.doesNotMatch(traefik, /healthCheck/);
  }
});

test('dialects take no check that comes more often than a proxy can bear', () => {
  const { codes, caddyfile } = made('urlprefix-a.io/ health=/up health.interval=99ms');
  assert.ok(codes.includes('FABIO_EXTENSION_VALUE'), codes.join());
  assert.match(caddyfile, /health_uri/);
  assert.doesNotMatch(caddyfile, /health_interval/);

  for (const tags of [
    ['urlprefix-a.io/ health=/up health.interval=100ms'],
    [...LABELS, `${CHECK}.path=/up`, `${CHECK}.interval=1ns`],
    [...LABELS, `${CHECK}.path=/up`, `${CHECK}.interval=100ms`, `${CHECK}.unhealthyinterval=1ns`],
  ]) {
    assert.match(made(...tags).caddyfile, /health_interval 100ms/);
    assert.doesNotMatch(made(...tags).traefik, /nterval": "[^1]|nterval": "1[^0]/);
  }
});

test('traefikTarget has checks that change something follow no redirect', () => {
  assert.match(made(...LABELS, `${CHECK}.path=/up`, `${CHECK}.method=POST`).traefik, /"followRedirects": false/);
  assert.doesNotMatch(made(...LABELS, `${CHECK}.path=/up`, `${CHECK}.method=HEAD`).traefik, /followRedirects/);
});
