import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactHost, pathPrefix } from '../../src/model/match.ts';
import { DEFAULT_OWNER, routeId } from '../../src/model/names.ts';
import type { Route } from '../../src/model/route.ts';
import { createTable } from '../../src/model/table.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { quoteValue } from '../../src/targets/traefik/quote.ts';
import { host } from '../support/intents.ts';
import { startTraefik } from '../support/traefik.ts';

function route(id: string, path: string): Route {
  return {
    id: routeId(id),
    owner: DEFAULT_OWNER,
    unit: id,
    services: [],
    dialect: 'fabio',
    protocol: 'http',
    entryPoints: ['web', 'websecure'],
    match: { host: exactHost(host(`${id}.io`)), path: pathPrefix(path), conditions: [{ kind: 'header', name: 'X-A', value: path }] },
    pathForm: 'clean',
    rank: 0,
    middlewares: [
      { kind: 'headers', request: [{ name: 'X-B', value: path }], response: [] },
      { kind: 'addPrefix', prefix: path },
    ],
    action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: `https://y.io${path}` }] } },
    spans: [],
  };
}

test('traefikTarget.render() keeps 1,000 hostile routes apart and Traefik disables none', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { deployer, settings } = traefik;
  const piece = fc.constantFrom(
    '`',
    '"',
    '\\',
    '{{',
    '}}',
    '{{env "HOME"}}',
    '$1',
    '${2}',
    ')',
    '||',
    '&& !',
    '#',
    "'",
    ': ',
    ',',
    'a',
    '%2F',
    '*',
    '<<',
  );
  const texts = fc.sample(
    fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
    { numRuns: 1000, seed: 7 },
  );
  const table = createTable(
    texts.map((text, index) => route(`r${index}`, text)),
    new Map(),
  );
  const startedAtMs = performance.now();

  const { value } = traefikTarget.render(table, settings);
  const renderMs = performance.now() - startedAtMs;
  const outcome = await deployer.apply(value, AbortSignal.timeout(30_000));

  t.diagnostic(`1,000 routes: rendered in ${renderMs.toFixed(0)} ms, ${JSON.stringify(outcome).slice(0, 300)}`);
  assert.equal(outcome.kind, 'applied');
  const content = value.files[0]?.content ?? '';
  assert.doesNotMatch(content, /\{\{/);
  const parsed = parseYaml(content) as { readonly http: { readonly routers: Record<string, { readonly rule: string }> } };
  for (const [index, text] of texts.entries())
    assert.equal(
      parsed.http.routers[`r${index}`]?.rule,
      [`Host(\`r${index}.io\`)`, ...(text === '/' ? [] : [`PathPrefix(${quoteValue(text)})`]), `Header(\`X-A\`, ${quoteValue(text)})`].join(
        ' && ',
      ),
    );
});

test('traefikTarget.render() ends TLS with our default certificate', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;

  const subject = await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: traefik.websecure, rejectUnauthorized: false, servername: 'a.io' }, () => {
      resolve(socket.getPeerCertificate().subjectaltname);
      socket.destroy();
    });
    socket.on('error', reject);
  });

  assert.equal(subject, 'DNS:hind-proxy.invalid');
});
