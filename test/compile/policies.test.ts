import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostMatch } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Policy } from '../../src/model/policy.ts';
import type { TlsProfile } from '../../src/model/route.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const ALLOW: Middleware = { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } };
const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ADD: Middleware = { kind: 'addPrefix', prefix: '/b' };
const STRICT: TlsProfile = { name: 'strict', minVersion: '1.3' };
const POLICIES: ReadonlyMap<string, Policy> = new Map([
  ['inner', { name: 'inner', middlewares: [ALLOW] }],
  ['strict', { name: 'strict', middlewares: [], tlsProfile: STRICT }],
  ['old', { name: 'old', middlewares: [], tlsProfile: { name: 'old', minVersion: '1.2' } }],
]);

const web = instanceOf('web', { tags: ['urlprefix-web.h.io/', 'internal'] });
const reading = readingOf(web, intentOf(web, matchOf('web.h.io'), { middlewares: [STRIP] }));

for (const match of [{ service: 'w?b' }, { host: '*.H.io' }, { tag: 'internal' }, { namespace: 'def*' }, {}])
  test(`buildTable() attaches a policy to what fits ${JSON.stringify(match)}`, () => {
    const { value } = compile([reading], { policies: POLICIES, attach: [{ match, policies: ['inner'] }] });

    assert.deepEqual(value.table.routes[0]?.middlewares, [ALLOW, STRIP]);
  });

test('buildTable() attaches the middlewares of several policies in their order, and none that the tag asks for itself', () => {
  const policies = new Map([...POLICIES, ['cut', { name: 'cut', middlewares: [STRIP, ADD] }]]);
  const attach = [
    { match: {}, policies: ['cut', 'unknown'] },
    { match: { service: 'web' }, policies: ['inner', 'cut'] },
  ];

  assert.deepEqual(compile([reading], { policies, attach }).value.table.routes[0]?.middlewares, [ADD, ALLOW, STRIP]);
});

test('buildTable() attaches the TLS options of a policy, which count for those that the tag asks for', () => {
  const of = (policies: readonly string[], asked?: string): TlsProfile | undefined => {
    const intent = intentOf(web, matchOf('h.io'), { ...(asked !== undefined && { tlsProfile: profile(asked) }) });
    return compile([readingOf(web, intent)], { policies: POLICIES, attach: [{ match: {}, policies }] }).value.table.routes[0]?.tlsProfile;
  };

  assert.deepEqual(of(['inner']), undefined);
  assert.deepEqual(of(['inner', 'strict']), STRICT);
  assert.deepEqual(of(['strict'], 'old'), STRICT);
  assert.deepEqual(of(['inner'], 'strict'), STRICT);
});

const WIDE: readonly (readonly [host: HostMatch, pattern: string, fits: boolean])[] = [
  [{ kind: 'glob', pattern: '*.h.io', regexp: '^.*\\.h\\.io$', port: 'any' }, '*.h.io', true],
  [{ kind: 'glob', pattern: '*.h.io', regexp: '^.*\\.h\\.io$', port: 'any' }, '^.*', false],
  [{ kind: 'regexp', regexp: '^h' }, '^h', true],
  [{ kind: 'any' }, '*', true],
  [{ kind: 'any' }, '?*', false],
];

for (const [of, pattern, fits] of WIDE)
  test(`buildTable() takes ${JSON.stringify(of)} ${fits ? 'as' : 'not as'} a host ${pattern} of a policy`, () => {
    const wide = readingOf(web, intentOf(web, { ...matchOf('*'), host: of }));
    const { value } = compile([wide], { policies: POLICIES, attach: [{ match: { host: pattern }, policies: ['inner'] }] });

    assert.deepEqual(value.table.routes[0]?.middlewares, fits ? [ALLOW] : []);
  });

for (const match of [{ service: 'we' }, { host: 'h.io' }, { tag: 'intern' }, { namespace: 'x' }, { service: 'web', host: 'x.io' }])
  test(`buildTable() attaches no policy to what does not fit ${JSON.stringify(match)}`, () => {
    const { value } = compile([reading], { policies: POLICIES, attach: [{ match, policies: ['inner'] }] });

    assert.deepEqual(value.table.routes[0]?.middlewares, [STRIP]);
  });

const profile = (name: string) =>
  ({ kind: 'reference', to: 'policy', name, span: tagSpan(web, 0), code: 'TRAEFIK_REFERENCE_UNKNOWN' }) as const;

test('buildTable() gives all routes of a host the TLS options that one of them asks for', () => {
  const { value } = compile(
    [readingOf(web, intentOf(web, matchOf('h.io'), { tlsProfile: profile('strict') }), intentOf(web, matchOf('h.io', '/b')))],
    { policies: POLICIES },
  );

  assert.deepEqual(
    value.table.routes.map(({ tlsProfile }) => tlsProfile),
    [STRICT, STRICT],
  );
});

test('buildTable() withholds routes that ask for other TLS options than their host has, or for a pattern', () => {
  const wide = { ...matchOf('h.io'), host: { kind: 'regexp', regexp: '^h' } } as const;
  const compiled = compile(
    [
      readingOf(
        web,
        intentOf(web, matchOf('h.io'), { tlsProfile: profile('strict') }),
        intentOf(web, matchOf('h.io', '/b'), { tlsProfile: profile('old') }),
        intentOf(web, wide, { tlsProfile: profile('old') }),
      ),
    ],
    { policies: POLICIES },
  );
  const answers = compiled.value.table.routes.map(({ action }) => action.kind);

  assert.deepEqual(answers.toSorted(), ['forward', 'respond', 'respond']);
  assert.deepEqual(codesOf(compiled), ['ROUTE_TLS_CONFLICT', 'ROUTE_TLS_CONFLICT']);
});
