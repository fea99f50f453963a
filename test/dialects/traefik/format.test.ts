import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTags } from '../../../src/dialects/read-tags.ts';
import { createFabioDialect } from '../../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../../src/dialects/traefik/dialect.ts';
import { createTraefikFormatter } from '../../../src/dialects/traefik/format.ts';
import type { FormatContext } from '../../../src/dialects/dialect.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import type { RouteIntent } from '../../../src/model/intent.ts';
import { instanceOf, tagsOf } from '../../support/intents.ts';
import { traefikIntents } from '../../support/traefik-arbitraries.ts';
import { traefikLabels } from '../../support/traefik-labels.ts';

const DIALECT = createTraefikDialect({ prefix: 'traefik', exposedByDefault: false, defaultRule: '{name}.{suffix}', domainSuffix: 'test' });
const FORMATTER = createTraefikFormatter({ prefix: 'traefik' });
const INSTANCE = instanceOf('web', { tags: ['x'] });
const CONTEXT: FormatContext = { service: INSTANCE.service, port: INSTANCE.port, entryPoints: { plain: 'web', tls: 'websecure' } };

function print(intents: readonly RouteIntent[]): { readonly tags: readonly string[]; readonly reports: readonly Diagnostic[] } {
  const reports: Diagnostic[] = [];
  return { tags: tagsOf(FORMATTER.format(intents, CONTEXT, (diagnostic) => reports.push(diagnostic))), reports };
}

const read = (tags: readonly string[]): ReturnType<typeof readTags> => readTags({ ...INSTANCE, tags }, [DIALECT]);

/** What an intent asks for: without its place and name, with the priority that counts, keys in one order. */
function wishOf(intent: RouteIntent): string {
  const { name: _name, linked: _linked, priority, ruleLength, sidePools, ...rest } = intent;
  const pools = sidePools?.map(({ name: _pool, ...pool }) => pool);
  const errors = rest.middlewares.map((middleware) => (middleware.kind === 'errors' ? { ...middleware, backend: 'pool' } : middleware));
  return canonical({ ...rest, middlewares: errors, pools, priority: priority ?? ruleLength });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'spans' || key === 'span') return undefined;
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  });
}

/** An intent whose cookie has no name where it has the one that labels without a name ask for. */
function withoutMadeName(intent: RouteIntent): RouteIntent {
  const { name = '', ...sticky } = intent.pool.sticky ?? {};
  return /^_[0-9a-f]{5}$/.test(name) ? { ...intent, pool: { ...intent.pool, sticky } } : intent;
}

const wishes = (intents: readonly RouteIntent[]): readonly string[] => [...new Set(intents.map(wishOf))].toSorted();

test('createTraefikFormatter() prints labels that ask for the same again', () => {
  fc.assert(
    fc.property(traefikIntents(INSTANCE), (intents) => {
      const { tags, reports } = print(intents);
      const { value, diagnostics } = read(tags);

      assert.deepEqual(reports, []);
      assert.deepEqual(
        diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message),
        [],
        tags.join('\n'),
      );
      assert.deepEqual(wishes(value.intents.map(withoutMadeName)), wishes(intents), tags.join('\n'));
    }),
    { numRuns: 150 },
  );
});

test('createTraefikFormatter() prints what was read from labels so that it reads the same', () => {
  fc.assert(
    fc.property(traefikLabels, (labels) => {
      const sound = read(labels).value.intents.filter(({ fault }) => !fault);
      const { tags, reports } = print(sound);
      const again = read(tags).value.intents;

      assert.deepEqual(reports, []);
      assert.deepEqual(wishes(again), wishes(sound), `${labels.join('\n')}\n\n${tags.join('\n')}`);
    }),
    { numRuns: 500 },
  );
});

/** The labels for tags of the other dialects, without `traefik.`, with the codes of what they cannot say. */
function converted(...tags: readonly string[]): { readonly labels: readonly string[]; readonly codes: readonly string[] } {
  const dialects = [createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }), createHindDialect()];
  const { tags: printed, reports } = print(readTags({ ...INSTANCE, tags }, dialects).value.intents);
  const withoutName = (tag: string): string => tag.slice('traefik.'.length).replaceAll(/web-(?:[a-z]+-)?[0-9a-f]{8}/g, 'N');
  return { labels: printed.map(withoutName), codes: reports.map(({ code }) => code) };
}

test('createTraefikFormatter() makes two routers of one priority for a Fabio route on plain http and TLS', () => {
  const { labels, codes } = converted('urlprefix-App.Example.com/Api');

  assert.deepEqual(labels, [
    'enable=true',
    'http.routers.N.rule=Host(`app.example.com`) && PathPrefix(`/Api`)',
    'http.routers.N.entrypoints=web',
    'http.routers.N.priority=3015004',
    'http.routers.N-tls.rule=Host(`app.example.com`) && PathPrefix(`/Api`)',
    'http.routers.N-tls.entrypoints=websecure',
    'http.routers.N-tls.tls=true',
    'http.routers.N-tls.priority=3015004',
  ]);
  assert.deepEqual(codes, ['TRAEFIK_APPROXIMATED']);
});

test('createTraefikFormatter() gives the two routers of a pair nothing to differ in but their entry points', () => {
  const intents = readTags({ ...INSTANCE, tags: ['urlprefix-h.io/ strip=/a'] }, [
    createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
  ]).value.intents;
  const [plain, tls, ...others] = read(print(intents).tags).value.intents;

  assert.deepEqual(others, []);
  assert.deepEqual(
    [plain?.entryPoints, tls?.entryPoints],
    [
      { kind: 'named', names: ['web'], tls: false },
      { kind: 'named', names: ['websecure'], tls: true },
    ],
  );
  assert.equal(plain && wishOf({ ...plain, entryPoints: { kind: 'both' } }), tls && wishOf({ ...tls, entryPoints: { kind: 'both' } }));
});

test('createTraefikFormatter() puts routes of Fabio into its order', () => {
  const priorityOf = (tag: string): number => Number(/priority=(\d+)/.exec(converted(tag).labels.join(' '))?.[1]);
  const tags = [
    'urlprefix-a.x.io/api/v1',
    'urlprefix-a.x.io/api',
    'urlprefix-a.x.io/',
    'urlprefix-*.x.io/long/path',
    'urlprefix-*.io/',
    'urlprefix-/very/long/path',
    'urlprefix-/',
  ];

  const priorities = tags.map(priorityOf);

  assert.deepEqual(
    priorities,
    priorities.toSorted((a, b) => b - a),
  );
  assert.equal(new Set(priorities).size, tags.length);
});

test('createTraefikFormatter() says the options of Fabio that labels can say', () => {
  const { labels, codes } = converted('urlprefix-h.io:80/a strip=/a prepend=/z proto=https host=up.io auth=staff');

  assert.deepEqual(labels.slice(1), [
    'http.routers.N.rule=Host(`h.io`) && PathPrefix(`/a`)',
    'http.routers.N.entrypoints=web',
    'http.routers.N.priority=3007002',
    'http.routers.N.middlewares=staff@file,N,N,N',
    'http.routers.N.service=N',
    'http.services.N.loadbalancer.server.scheme=https',
    'http.middlewares.N.stripprefix.prefixes=/a',
    'http.middlewares.N.addprefix.prefix=/z',
    'http.middlewares.N.headers.customrequestheaders.Host=up.io',
  ]);
  assert.deepEqual(codes, ['TRAEFIK_APPROXIMATED', 'TRAEFIK_UNSUPPORTED']);
});

test('createTraefikFormatter() leaves a route out when labels cannot say what protects it', () => {
  for (const option of ['allow=ip:10.0.0.0/8', 'deny=ip:10.0.0.0/8']) {
    const { labels, codes } = converted(`urlprefix-h.io/ ${option}`, 'urlprefix-g.io/');

    assert.ok(codes.includes('TRAEFIK_UNSUPPORTED'), option);
    assert.ok(!labels.join().includes('h.io'), option);
    assert.ok(labels.join().includes('g.io'), option);
  }
});

test('createTraefikFormatter() writes no route that would verify instances which are not to be verified', () => {
  assert.deepEqual(converted('urlprefix-h.io/ proto=https tlsskipverify=true').labels, []);
});

test('createTraefikFormatter() says what it leaves out or says differently', () => {
  const codesFor = (tag: string): readonly string[] => converted(tag).codes;

  assert.deepEqual(codesFor('urlprefix-h.io:8080/'), ['TRAEFIK_UNSUPPORTED']);
  assert.deepEqual(codesFor('urlprefix-/ weight=0.2'), ['TRAEFIK_APPROXIMATED']);
  assert.deepEqual(codesFor('urlprefix-/ proto=https tlsskipverify=true'), ['TRAEFIK_UNSUPPORTED']);
  assert.deepEqual(codesFor('urlprefix-/ lb=least_conn'), ['TRAEFIK_APPROXIMATED']);
  assert.deepEqual(codesFor('urlprefix-/ redirect=303,https://x.io/'), ['TRAEFIK_REDIRECT_STATUS']);
  assert.deepEqual(codesFor('urlprefix-:3306 proto=tcp'), ['TRAEFIK_UNSUPPORTED']);
  assert.deepEqual(codesFor('urlprefix-/ weight=abc'), ['TRAEFIK_UNSUPPORTED']);
  assert.deepEqual(
    codesFor('https://h.io/sub'),
    Array.from({ length: 3 }, () => 'TRAEFIK_APPROXIMATED'),
  );
  assert.deepEqual(codesFor('https://h.io:8443'), ['TRAEFIK_UNSUPPORTED']);
});

test('createTraefikFormatter() writes a redirect by the expression that its target needs', () => {
  const redirectOf = (tag: string): readonly string[] => converted(tag).labels.flatMap((label) => label.split('redirectregex.')[1] ?? []);

  assert.deepEqual(redirectOf('urlprefix-h.io:80/ redirect=301,https://h.io$path'), [
    'regex=^https?://([^/]+)(/.*)$',
    'replacement=https://h.io$2',
    'permanent=true',
  ]);
  assert.deepEqual(redirectOf('urlprefix-*:80/ redirect=302,https://$host$path?a=$1'), [
    'regex=^https?://([^/]+)(/[^?]*).*$',
    'replacement=https://$1$2?a=$$1',
  ]);
  assert.equal(redirectOf('urlprefix-h.io:80/ redirect=301,https://$hostx.io$path').at(1), 'replacement=https://${1}x.io$2');
  assert.deepEqual(redirectOf('urlprefix-/o redirect=302,https://y.com/'), ['regex=^.*$', 'replacement=https://y.com/']);
});

test('createTraefikFormatter() writes nothing when nothing can be said', () => {
  assert.deepEqual(converted('urlprefix-h.io:8080/').labels, []);
});

test('createTraefikFormatter() keeps the alternatives of one rule in one router', () => {
  const { tags } = print(read(['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`a.io`) || Host(`b.io`)']).value.intents);

  assert.deepEqual(
    tags.filter((tag) => tag.includes('rule=')).map((tag) => tag.split('rule=')[1]),
    ['Host(`a.io`) || Host(`b.io`)'],
  );
});
