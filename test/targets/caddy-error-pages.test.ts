import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MiddlewareOf } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Handler } from '../../src/targets/caddy/ast.ts';
import { errorsHandler } from '../../src/targets/caddy/error-pages.ts';
import { isPrintable } from '../../src/targets/caddy/handlers.ts';
import { printedLines } from '../support/caddyfile.ts';
import { poolOf } from '../support/tables.ts';

type Errors = MiddlewareOf<'errors'>;
type Range = Errors['statuses'][number];

const only = (status: number): Range => ({ from: status, to: status });

/** The handler of a middleware `e` whose pages come from a pool of one instance. */
function pages(wishes: Partial<Errors> = {}, pool: Backend | undefined = poolOf('side', [81])): Handler {
  const backends = new Map(pool ? [[pool.id, pool]] : []);
  const errors: Errors = { kind: 'errors', statuses: [only(404)], backend: backendId('side'), query: '/e', ...wishes };
  return errorsHandler(errors, { name: 'e', backends });
}

const askedOf = (status: string): readonly string[] => [
  'reverse_proxy 127.0.0.1:81 {',
  'stream_close_delay 5m',
  'method GET',
  'rewrite `/e?`',
  `replace_status \`${status}\``,
  '}',
];

test('caddyTarget replaces answers where they pass, and those of Caddy itself where its site handles errors', () => {
  const { matchers, directives, failures } = pages();

  assert.deepEqual(matchers, []);
  assert.deepEqual(printedLines(directives), [
    'vars error_pages e',
    'intercept {',
    '@es0 status 404',
    'handle_response @es0 {',
    'route {',
    'header * -*',
    ...askedOf('{http.intercept.status_code}'),
    '}',
    '}',
    '}',
  ]);
  assert.deepEqual(printedLines(failures), [
    '@ef0 {',
    'vars error_pages e',
    'vars_regexp {http.error.status_code} `^(?:404)$`',
    '}',
    'route @ef0 {',
    ...askedOf('{http.error.status_code}'),
    '}',
  ]);
});

test('caddyTarget hands on to the error pages only the headers that are asked for', () => {
  const { matchers, directives, failures } = pages({ requestHeaders: ['Accept', 'X-A'] });
  const kept = (id: string): readonly string[] => [
    `vars ${id}0 \`{http.request.header.Accept}\``,
    `vars ${id}1 \`{http.request.header.X-A}\``,
    'request_header * -*',
    `request_header @${id}0 \`Accept\` \`{http.vars.${id}0}\``,
    `request_header @${id}1 \`X-A\` \`{http.vars.${id}1}\``,
  ];
  const present = (id: string): readonly string[] =>
    [0, 1].flatMap((index) => [`@${id}${index} {`, 'not {', `vars ${id}${index} \`\``, '}', '}']);
  const after = (lines: readonly string[], first: string): readonly string[] =>
    lines.slice(lines.indexOf(first) + 1, lines.indexOf(first) + 6);

  assert.deepEqual(printedLines(matchers), present('ek'));
  assert.deepEqual(after(printedLines(directives), 'header * -*'), kept('ek'));
  assert.deepEqual(printedLines(failures).slice(0, 10), present('efk'));
  assert.deepEqual(after(printedLines(failures), 'route @ef0 {'), kept('efk'));
  assert.ok(printedLines(pages({ requestHeaders: [] }).directives).includes('request_header * -*'));
  assert.ok(!isPrintable(pages({ requestHeaders: ['X {a}'] })));
});

test('caddyTarget shows no error pages where no instance can answer with them', () => {
  const idle = poolOf('side', [81, 82]);
  const nobody = { ...idle, endpoints: idle.endpoints.map((endpoint) => ({ ...endpoint, weight: 0 })) };
  const [first, ...rest] = idle.endpoints;
  assert.ok(first);
  const somebody = { ...idle, endpoints: [{ ...first, weight: 0 }, ...rest] };

  for (const handler of [
    pages({}, nobody),
    errorsHandler({ kind: 'errors', statuses: [only(404)], backend: backendId('other'), query: '/' }, { name: 'e', backends: new Map() }),
  ])
    assert.deepEqual(handler, { matchers: [], directives: [] });
  assert.ok(pages({}, somebody).directives.length > 0);
});

/** Each group of statuses that are replaced alike, as Caddy reads it where answers pass and where they fail, and the status that it gets. */
function groupsOf(wishes: Partial<Errors>): readonly string[] {
  const { directives, failures } = pages(wishes);
  const [passing, failing] = [printedLines(directives), printedLines(failures)];
  const after = (lines: readonly string[], beginning: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(beginning) ? line.slice(beginning.length) : []));
  const words = passing.flatMap((line) => /^@es\d+ status (.*)$/.exec(line)?.[1] ?? []);
  const regexps = after(failing, 'vars_regexp {http.error.status_code} ');
  const given = after(passing, 'replace_status ');
  assert.equal(regexps.length, words.length);
  assert.deepEqual(
    after(failing, 'replace_status ').map((status) => status.replace('.error.', '.intercept.')),
    given,
  );
  return words.map((word, index) => `${word} / ${regexps[index]} -> ${given[index]}`);
}

const SAME = '`{http.intercept.status_code}`';
const GROUPS: readonly (readonly [what: string, wishes: Partial<Errors>, groups: readonly string[]])[] = [
  ['a whole hundred', { statuses: [{ from: 500, to: 599 }] }, [`5xx / \`^(?:5\\d\\d)$\` -> ${SAME}`]],
  [
    'every hundred',
    { statuses: [{ from: 100, to: 599 }] },
    [`1xx 2xx 3xx 4xx 5xx / \`^(?:1\\d\\d|2\\d\\d|3\\d\\d|4\\d\\d|5\\d\\d)$\` -> ${SAME}`],
  ],
  [
    'statuses in no order, some twice, beside a whole hundred',
    { statuses: [{ from: 500, to: 599 }, only(503), { from: 410, to: 411 }, only(404), only(404), { from: 600, to: 601 }] },
    [`5xx 404 410 411 600 601 / \`^(?:5\\d\\d|404|410|411|600|601)$\` -> ${SAME}`],
  ],
  ...[
    { from: 501, to: 599 },
    { from: 500, to: 598 },
  ].map((range) => {
    const statuses = Array.from({ length: 99 }, (_, index) => range.from + index);
    const group = `${statuses.join(' ')} / \`^(?:${statuses.join('|')})$\` -> ${SAME}`;
    return [`${range.from} to ${range.to}`, { statuses: [range] }, [group]] as const;
  }),
  [
    'statuses that get another',
    {
      statuses: [only(404), only(410), { from: 500, to: 504 }],
      rewrites: [
        { from: 500, to: 501, status: 503 },
        { from: 404, to: 404, status: 200 },
        { from: 501, to: 502, status: 200 },
        { from: 405, to: 405, status: 999 },
      ],
    },
    [
      '404 502 / `^(?:404|502)$` -> 200',
      '500 501 / `^(?:500|501)$` -> 503',
      `404 410 500 501 502 503 504 / \`^(?:404|410|500|501|502|503|504)$\` -> ${SAME}`,
    ],
  ],
  [
    'statuses that all get another',
    { statuses: [only(404)], rewrites: [{ from: 400, to: 499, status: 200 }] },
    ['404 / `^(?:404)$` -> 200'],
  ],
];

for (const [what, wishes, groups] of GROUPS)
  test(`caddyTarget replaces ${what}, the first group that an answer is in`, () => {
    assert.deepEqual(groupsOf(wishes), groups);
  });

const ORIGINAL = '{http.intercept.status_code}';
const URL_OF = (uri: string): string => `{http.request.scheme}%3A%2F%2F{http.request.hostport}${uri}`;
const QUERIES: readonly (readonly [query: string, asked: string, rewrites?: Errors['rewrites']])[] = [
  ['/e.html', '/e.html?'],
  ['e.html?a=b', '/e.html?a=b'],
  ['e/x', '/e/x?'],
  ['//e', '//e?'],
  ['/{status}/{originalStatus}', `/${ORIGINAL}/${ORIGINAL}?`],
  ['/{status}/{originalStatus}', `/200/${ORIGINAL}?`, [{ from: 404, to: 404, status: 200 }]],
  ['/{url}?u={url}', `/${URL_OF('{http.request.uri_escaped}')}?u=${URL_OF('{http.request.uri}')}`],
  ['/a?b?c={status}', `/a?b?c=${ORIGINAL}`],
  ['/a b#c{d}#?e#{f}', '/a%20b%23c%7Bd%7D%23?e%23%7Bf%7D'],
];

for (const [query, asked, rewrites] of QUERIES)
  test(`caddyTarget asks for the page ${query}${rewrites ? ' of a status that gets another' : ''} as ${asked}`, () => {
    const lines = printedLines(pages({ query, ...(rewrites && { rewrites }) }).directives);

    assert.deepEqual(
      lines.filter((line) => line.startsWith('rewrite ')),
      [`rewrite \`${asked}\``],
    );
  });
