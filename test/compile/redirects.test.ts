import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

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
