import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_PATH, exactHost, type Condition, type PathMatch } from '../../src/model/match.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import type { Route } from '../../src/model/route.ts';
import { serveBy, type Asking } from '../support/both.ts';
import { host } from '../support/intents.ts';
import { routeOf, to } from '../support/tables.ts';

/** Every condition of the table, on both proxies. */

/** A condition, requests that it takes and requests that it does not. */
const CONDITIONS: readonly (readonly [Condition, readonly Asking[], readonly Asking[]])[] = [
  [{ kind: 'method', method: 'PUT' }, [{ method: 'PUT' }], [{}]],
  [{ kind: 'header', name: 'X-A', value: 'a `b` "c"' }, [{ headers: { 'x-a': 'a `b` "c"' } }], [{ headers: { 'x-a': 'a' } }, {}]],
  [{ kind: 'header', name: 'X-A', value: '' }, [{ headers: { 'x-a': '' } }], [{ headers: { 'x-a': 'a' } }, {}]],
  [{ kind: 'headerRegexp', name: 'X-A', regexp: '^a+$' }, [{ headers: { 'x-a': 'aa' } }], [{ headers: { 'x-a': 'b' } }, {}]],
  [{ kind: 'headerRegexp', name: 'X-A', regexp: '' }, [{ headers: { 'x-a': 'b' } }], [{}]],
  [{ kind: 'query', key: 'q', value: '1' }, [{ path: '/?q=1' }, { path: '/?q=2&q=1' }], [{ path: '/?q=12' }, {}]],
  [{ kind: 'query', key: 'q', value: '' }, [{ path: '/?q=' }, { path: '/?q' }], [{ path: '/?q=1' }, {}]],
  [{ kind: 'query', key: 'q' }, [{ path: '/?q=' }, { path: '/?q=1' }], [{ path: '/?p=1' }, {}]],
  [
    { kind: 'query', key: 'q' },
    [{ path: '/?%71=%zz&q' }, { path: '/?r;q' }, { path: '/?r=;&q=1' }],
    [{ path: '/?q=%zz' }, { path: '/?Q' }],
  ],
  [
    { kind: 'query', key: 'a = b{c}', value: 'x+{y}`*&;"' },
    [{ path: '/?a+%3D%20b%7bc%7D=x%2B%7By%7d%60*%26%3b%22' }, { path: '/?z&a%20%3d+b{c}=x%2b{y}%60%2A%26%3B%22&z' }],
    [{ path: '/?a+=+b%7Bc%7D=x%2B%7By%7D%60*%26%3B%22' }, { path: '/?a+%3D+b%7Bc%7D=x+%7By%7D%60*%26%3B%22' }, {}],
  ],
  [{ kind: 'query', key: 'q', value: '*' }, [{ path: '/?q=*' }], [{ path: '/?q=1' }]],
  [{ kind: 'queryRegexp', key: 'q', regexp: '^[0-9]$' }, [{ path: '/?q=1' }], [{ path: '/?q=12' }, {}]],
  [
    { kind: 'queryRegexp', key: 'q', regexp: '^[a,]{1,2}$' },
    [{ path: '/?q=a' }, { path: '/?q=b&q=aa' }, { path: '/?q=a,' }, { path: '/?q=,%2c&%72=a' }, { path: '/?r=;&q=%61' }],
    [{ path: '/?q=b,a' }, { path: '/?q=aaa' }, { path: '/?q=' }, { path: '/?r=a' }],
  ],
  [{ kind: 'queryRegexp', key: 'q', regexp: '.*' }, [{ path: '/?q' }, { path: '/?q=&q=1' }], [{}, { path: '/?r=q' }]],
  [
    { kind: 'queryRegexp', key: 'a.b {"$x}\\', regexp: '^"\\x7b[`\\\\$]+$' },
    [{ path: '/?a.b+%7B%22$x%7D%5C=%22%7b%60%5C$' }],
    [{ path: '/?a.b+%7B%22$x%7D=%22%7b%60' }, { path: '/?a.b+%7B%22$x%7D%5C=' }],
  ],
  [
    { kind: 'not', condition: { kind: 'queryRegexp', key: 'q', regexp: '^1' } },
    [{}, { path: '/?q=2' }],
    [{ path: '/?q=12' }, { path: '/?q=2&q=1' }],
  ],
  [{ kind: 'clientIp', cidrs: ['127.0.0.2', '127.0.0.8/30'] }, [{ from: '127.0.0.2' }, { from: '127.0.0.9' }], [{ from: '127.0.0.3' }]],
  [{ kind: 'path', path: { kind: 'prefix', path: '/a', ignoreCase: false } }, [{ path: '/ab' }], [{ path: '/b' }]],
  [{ kind: 'path', path: { kind: 'regexp', regexp: '/[0-9]+$' } }, [{ path: '/a/12' }], [{ path: '/a' }]],
  [{ kind: 'not', condition: { kind: 'method', method: 'GET' } }, [{ method: 'PUT' }], [{}]],
  [{ kind: 'not', condition: { kind: 'not', condition: { kind: 'query', key: 'q' } } }, [{ path: '/?q' }], [{}]],
];

/** Several of one kind, which must all hold. */
const QUERIES: readonly Condition[] = [
  { kind: 'query', key: 'p', value: '1' },
  { kind: 'queryRegexp', key: 'q', regexp: '[0-9]' },
  { kind: 'queryRegexp', key: 'q', regexp: '^2$' },
];

for (const server of SERVERS) {
  test(`${server} asks every condition of the table`, async (t) => {
    const at = (name: string, conditions: readonly Condition[]): Route =>
      routeOf(name, name, '/', { action: to('a'), match: { host: exactHost(host(name)), path: ANY_PATH, conditions } });
    const routes = CONDITIONS.map(([condition], index) => at(`c${index}.io`, [condition]));
    const served = await serveBy(t, server, {
      routes: [...routes, at('both.io', QUERIES)],
      codes: { caddy: ['CADDY_APPROXIMATED'] },
    });
    if (!served) return;

    for (const [index, [condition, taken, left]] of CONDITIONS.entries()) {
      const told = (asking: Asking): string => JSON.stringify([condition, asking]);
      for (const asking of taken) assert.equal((await served.ask(`c${index}.io`, asking)).status, 200, told(asking));
      for (const asking of left) assert.equal((await served.ask(`c${index}.io`, asking)).status, 404, told(asking));
    }
    const asked = ['/?p=1&q=2', '/?p=1', '/?q=2', '/?p=1&q=3'].map((path) => ({ path }));
    assert.deepEqual(await served.statuses('both.io', ...asked), [200, 404, 404, 404]);
  });

  test(`${server} shows reserved characters that are encoded to the expressions of labels`, async (t) => {
    const regexp = (expression: string): PathMatch => ({ kind: 'regexp', regexp: expression });
    const asking = (name: string, path: PathMatch, conditions: readonly Condition[] = []): Route =>
      routeOf(name, name, '/', { dialect: 'traefik', action: to('a'), match: { host: exactHost(host(name)), path, conditions } });
    const served = await serveBy(t, server, {
      routes: [
        asking('slash.io', regexp('^/api/v[0-9]$')),
        asking('encoded.io', regexp('^/a%2F["\\x7b]?b[.]js$')),
        asking('one.io', regexp('^/[^/]+$')),
        asking('both.io', regexp('^/a'), [
          { kind: 'path', path: regexp('b$') as Exclude<PathMatch, { kind: 'any' }> },
          { kind: 'not', condition: { kind: 'path', path: regexp('/c/') as Exclude<PathMatch, { kind: 'any' }> } },
        ]),
      ],
    });
    if (!served) return;
    const statuses = (name: string, ...paths: readonly string[]): Promise<readonly number[]> =>
      served.statuses(name, ...paths.map((path) => ({ path })));

    assert.deepEqual(
      await statuses('slash.io', '/api/v1', '/api/v1?a%2Fb', '/%61pi//v1', '/api%2Fv1', '/api%2fv1?/api/v1', '/api/v1%3Fx'),
      [200, 200, 200, 404, 404, 404],
    );
    assert.deepEqual(await statuses('encoded.io', '/a%2Fb.js', '/a/b.js'), [200, 404]);
    assert.deepEqual(await statuses('one.io', '/a%2Fb', '/a/b', '/a'), [200, 404, 200]);
    assert.deepEqual(await statuses('both.io', '/a/b', '/a%2Fb', '/a/c/b', '/a/c%2Fb', '/a%2Fx'), [200, 200, 404, 200, 404]);
  });
}
