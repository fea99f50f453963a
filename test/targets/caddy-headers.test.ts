import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MiddlewareOf } from '../../src/model/middleware.ts';
import type { Handler } from '../../src/targets/caddy/ast.ts';
import { isPrintable } from '../../src/targets/caddy/handlers.ts';
import {
  allowedHostsHandler,
  clientCertificateHandler,
  headersHandler,
  hstsHandler,
  withoutHeaders,
} from '../../src/targets/caddy/headers.ts';
import { printedLines } from '../support/caddyfile.ts';

/** What a handler puts at the top of its site and, after a `---`, into its route. */
const linesOf = ({ matchers, directives }: Handler): readonly string[] => [...printedLines(matchers), '---', ...printedLines(directives)];

const headers = (wishes: Partial<MiddlewareOf<'headers'>>): Handler =>
  headersHandler({ kind: 'headers', request: [], response: [], ...wishes }, 'm');
const hsts = (wishes: Partial<MiddlewareOf<'hsts'>>): Handler =>
  hstsHandler({ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false, preload: false, always: true, ...wishes }, 'm');
const certificate = (pem: boolean): Handler => clientCertificateHandler({ kind: 'passTlsClientCert', pem, info: [] }, 'm');

const CERTIFICATE_FORGOTTEN = ['request_header * `-X-Forwarded-Tls-Client-Cert`', 'request_header * `-X-Forwarded-Tls-Client-Cert-Info`'];

/** Tells that a request has come as far as this middleware. */
const PASSED = 'vars mpassed yes';

const HANDLERS: readonly (readonly [what: string, handler: Handler, lines: readonly string[]])[] = [
  ['no header', headers({}), ['---']],
  [
    'headers of the request',
    headers({
      request: [
        { name: 'X-In', value: 'a {b}' },
        { name: 'X-Gone', value: '' },
      ],
    }),
    ['---', 'request_header * `X-In` `a \\{b\\}`', 'request_header * `-X-Gone`'],
  ],
  [
    'headers of the answer, after the instance has set its own',
    headers({
      response: [
        { name: 'X-Out', value: '{b}' },
        { name: '0-Gone', value: '' },
      ],
    }),
    ['---', PASSED, 'header {', '`X-Out` `\\{b\\}`', '`-0-Gone`', 'defer', '}'],
  ],
  ['HSTS everywhere', hsts({}), ['---', PASSED, 'header {', 'Strict-Transport-Security `max-age=60`', 'defer', '}']],
  [
    'HSTS over TLS only',
    hsts({ includeSubdomains: true, always: false }),
    ['@m protocol https', '---', PASSED, 'header @m {', 'Strict-Transport-Security `max-age=60; includeSubDomains`', 'defer', '}'],
  ],
  [
    'HSTS that may be preloaded',
    hsts({ preload: true }),
    ['---', PASSED, 'header {', 'Strict-Transport-Security `max-age=60; preload`', 'defer', '}'],
  ],
  [
    'hosts that are allowed',
    allowedHostsHandler({ kind: 'allowedHosts', hosts: ['a.io', 'b.io'] }, 'm'),
    ['@m {', 'not {', 'header_regexp Host `(?i)^(?:a\\.io|b\\.io)$`', '}', '}', '---', 'respond @m 500'],
  ],
  [
    'the certificate of the client',
    certificate(true),
    [
      '@m vars_regexp {http.request.tls.client.certificate_der_base64} .',
      '---',
      ...CERTIFICATE_FORGOTTEN,
      'request_header @m X-Forwarded-Tls-Client-Cert `{http.request.tls.client.certificate_der_base64}`',
    ],
  ],
  ['no certificate of the client', certificate(false), ['---', ...CERTIFICATE_FORGOTTEN]],
];

for (const [what, handler, lines] of HANDLERS)
  test(`caddyTarget writes ${what} into the Caddyfile`, () => {
    assert.deepEqual(linesOf(handler), lines);
  });

test('caddyTarget sets the same headers where its site handles errors, of requests that have come as far', () => {
  const { failures = [] } = hsts({ always: false });

  assert.deepEqual(printedLines(failures), [
    '@mpassed vars mpassed yes',
    '@mf protocol https',
    'route @mpassed {',
    'header @mf {',
    'Strict-Transport-Security `max-age=60`',
    'defer',
    '}',
    '}',
  ]);
  assert.deepEqual(headers({ request: [{ name: 'X-In', value: 'a' }] }).failures, []);
});

test('caddyTarget does not print a header whose name means something to Caddy', () => {
  const names = ['-X', '+X', '?X', '>X', '*', 'X Y', 'X{a}', '_X', '.X', 'X\n', ''];
  const handlers = names.flatMap((name) => [
    headers({ request: [{ name, value: 'a' }] }),
    headers({ request: [{ name, value: '' }] }),
    headers({ response: [{ name, value: 'a' }] }),
    headers({ response: [{ name, value: '' }] }),
    { matchers: [], directives: withoutHeaders([name]) },
  ]);

  assert.deepEqual(handlers.filter(isPrintable), []);
  for (const name of ['X', 'x-y', 'X_Y', 'X.Y', '9']) assert.ok(isPrintable(headers({ request: [{ name, value: '' }] })), name);
});
