import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactHost, pathPrefix } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { Route } from '../../src/model/route.ts';
import { parseYaml } from '../../src/lib/yaml.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { quoteValue } from '../../src/targets/traefik/quote.ts';
import { caddySettings } from '../support/caddy.ts';
import { host } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

const SETTINGS = caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 });

const PIECE = fc.constantFrom(
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
  '@internal',
  '║',
  'ü',
  '\u2028',
);

/** Texts that mean something to YAML, JSON, Go templates, rules or regular expressions. */
const hostileTexts = (count: number, seed: number): readonly string[] =>
  fc.sample(
    fc.array(PIECE, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
    { numRuns: count, seed },
  );

/** Every place of a route where a text of a tag can come to stand. */
function hostileRoute(id: string, text: string): Route {
  const middlewares: readonly Middleware[] = [
    { kind: 'headers', request: [{ name: 'X-B', value: text }], response: [{ name: 'X-C', value: text }] },
    { kind: 'stripPrefix', prefixes: [text, `${text}/`] },
    { kind: 'addPrefix', prefix: text },
    { kind: 'replacePath', path: text },
    { kind: 'replacePathRegexp', regexp: '^/(.*)$', replacement: text },
    { kind: 'redirectRegexp', regexp: '^http://never', replacement: text, permanent: true },
    {
      kind: 'cors',
      allowCredentials: true,
      allowHeaders: [text],
      allowMethods: [text],
      allowOrigins: [text],
      allowOriginRegexps: ['^never$'],
      exposeHeaders: [text],
      addVary: false,
    },
    {
      kind: 'basicAuth',
      users: { kind: 'listed', users: [{ name: text.replace(/[^ -9;-~]/g, ''), hash: text.replace(/[^ -9;-~]/g, '') }] },
      realm: text,
      userHeader: 'X-D',
    },
    { kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('a'), query: text },
    { kind: 'grpcWeb', allowOrigins: [text] },
    { kind: 'rateLimit', average: 1, periodMs: 1000, burst: 1, by: { kind: 'header', name: text } },
  ];
  return routeOf(id, `${id}.io`, '/', {
    dialect: 'traefik',
    match: {
      host: exactHost(host(`${id}.io`)),
      path: pathPrefix(text),
      conditions: [
        { kind: 'header', name: 'X-A', value: text },
        { kind: 'query', key: text, value: text },
      ],
    },
    middlewares,
    action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: `https://y.io${text}` }, { kind: 'path' }] } },
  });
}

/** Every text that is an item of a list. */
function itemsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => (typeof item === 'string' ? [item] : itemsOf(item)));
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(itemsOf) : [];
}

test('traefikTarget.render() keeps 250 hostile routes apart and Traefik disables none', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const texts = hostileTexts(250, 7);
  const pool = poolOf('a', [1], {
    sticky: { name: '{{x}}"`', path: '/{{' },
    healthCheck: { mode: 'http', path: '/{{ env "HOME" }}', headers: [{ name: 'X-A', value: '{{`"' }], intervalMs: 600_000 },
  });
  const table = tableOf(
    [...texts.map((text, index) => hostileRoute(`r${index}`, text)), routeOf('last', 'last.io', '/', { action: to('a') })],
    pool,
  );

  const startedAtMs = performance.now();
  const { value } = traefikTarget.render(table, traefik.settings);
  t.diagnostic(`${texts.length} routes rendered in ${(performance.now() - startedAtMs).toFixed(0)} ms`);
  await serveTable(traefik, table);

  const content = value.files[0]?.content ?? '';
  assert.doesNotMatch(content, /\{\{/);
  assert.match(content, /^[\n\x20-\x7e]*$/);
  assert.ok(!itemsOf(parseYaml(content)).some((item) => item.includes('║')), 'Traefik would split it');
  const { http } = parseYaml(content) as { readonly http: { readonly routers: Record<string, { readonly rule: string }> } };
  for (const [index, text] of texts.entries())
    assert.equal(
      http.routers[`r${index}`]?.rule,
      [
        `Host(\`r${index}.io\`)`,
        ...(text === '/' ? [] : [`PathPrefix(${quoteValue(text)})`]),
        `Header(\`X-A\`, ${quoteValue(text)})`,
        `Query(${quoteValue(text)}, ${quoteValue(text)})`,
      ].join(' && '),
    );
});

test('traefikTarget.render() gives the fragment of a route the same bytes wherever it stands', () => {
  const route = (id: string): Route =>
    routeOf(id, `${id}.io`, '/', { action: to('a'), middlewares: [{ kind: 'addPrefix', prefix: '/x' }] });
  const render = (...ids: readonly string[]): readonly string[] =>
    (traefikTarget.render(tableOf(ids.map(route), poolOf('a', [1])), SETTINGS).value.files[0]?.content ?? '')
      .split('\n')
      .filter((line) => /^ +"(b|b-tls|add-[0-9a-f]+)":/.test(line))
      .map((line) => line.replace(/"priority": \d+|,$/g, ''));

  assert.deepEqual(render('a', 'b', 'c'), render('b'));
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
