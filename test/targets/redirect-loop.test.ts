import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Redirect, Route } from '../../src/model/route.ts';
import { redirectGoal, type RedirectGoal } from '../../src/targets/redirect-loop.ts';
import { routeOf, to } from '../support/tables.ts';

const text = (words: string): Redirect['to'][number] => ({ kind: 'text', text: words });
const HOST = { kind: 'host' } as const;
const NAME = { kind: 'hostname' } as const;
const PATH = { kind: 'path' } as const;

/** What a redirect of Fabio leads to, and where a request can be there already: its scheme, and its host and path where they are fixed. */
const GOALS: readonly (readonly [to: Redirect['to'], goal: RedirectGoal | undefined])[] = [
  [[text('https://b.io/x')], { scheme: 'https', host: 'b.io', path: '/x' }],
  [[text('http://b.io:81/x?q=1')], { scheme: 'http', host: 'b.io:81', path: '/x' }],
  [[text('https://b.io/x?a?b')], { scheme: 'https', host: 'b.io', path: '/x' }],
  [[text('https://b.io'), PATH], { scheme: 'https', host: 'b.io' }],
  [[text('https://'), HOST, text('/x')], { scheme: 'https', path: '/x' }],
  [[text('https://'), HOST, PATH], { scheme: 'https' }],
  // behind another path the request is never there, nor at a target without one
  [[text('https://b.io/x'), PATH], undefined],
  [[text('https://b.io')], undefined],
  [[text('https://b.io?q')], undefined],
  [[text('https://www.'), HOST, PATH], undefined],
  [[text('https://'), NAME, PATH], undefined],
  [[text('https://'), NAME, text(':8443'), PATH], undefined],
  [[text('/x')], undefined],
  [[PATH], undefined],
  [[text('/go?https://b.io/x')], undefined],
];

for (const [target, goal] of GOALS)
  test(`redirectGoal() of ${JSON.stringify(target)} is ${JSON.stringify(goal)}`, () => {
    assert.deepEqual(redirectGoal(redirecting(target)), goal);
  });

function redirecting(target: Redirect['to'], overrides: Partial<Route> = {}): Route {
  return routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect: { status: 301, to: target } }, ...overrides });
}

test('redirectGoal() is for redirects of Fabio alone, and for none behind a path that is changed', () => {
  const target = [text('https://b.io/x')];
  const behind = (middleware: Middleware): RedirectGoal | undefined => redirectGoal(redirecting(target, { middlewares: [middleware] }));

  assert.equal(redirectGoal(redirecting(target, { dialect: 'hind' })), undefined);
  assert.equal(redirectGoal(routeOf('r', 'a.io', '/', { action: to('p') })), undefined);
  assert.equal(behind({ kind: 'stripPrefix', prefixes: ['/a'] }), undefined);
  assert.equal(behind({ kind: 'addPrefix', prefix: '/a' }), undefined);
  assert.deepEqual(behind({ kind: 'contentType' }), { scheme: 'https', host: 'b.io', path: '/x' });
});
