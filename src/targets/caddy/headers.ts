import { regexpLiteral } from '../../lib/quote.ts';
import type { HeaderValue, MiddlewareOf } from '../../model/middleware.ts';
import { block, line, text, type Handler, type Node, type Text } from './ast.ts';
import { literalValue } from './quote.ts';

/** Sets and removes headers of the request and of the answer. */
export function headersHandler({ request, response }: MiddlewareOf<'headers'>, name: string): Handler {
  const { matchers, directives, failures } = onEveryAnswer(name, () => ({ matchers: [], directives: responseHeaders(response) }));
  return { matchers, directives: [...request.flatMap(requestHeader), ...directives], failures };
}

/**
 * Changes the answer that comes from behind, and in the same way the one that Caddy gives itself where something behind fails: what waits for
 * an answer never sees that one. A variable tells whether the request has come this far. `change`: by the name of its matchers, of which no
 * two may be the same in a site and where it handles errors.
 */
export function onEveryAnswer(name: string, change: (name: string) => Handler): Required<Handler> {
  const { matchers, directives } = change(name);
  if (directives.length === 0) return { matchers: [], directives: [], failures: [] };
  const passed = `${name}passed`;
  const failed = change(`${name}f`);
  return {
    matchers,
    directives: [line('vars', passed, 'yes'), ...directives],
    failures: [line(`@${passed}`, 'vars', passed, 'yes'), ...failed.matchers, block(['route', `@${passed}`], failed.directives)],
  };
}

/** Strict-Transport-Security: on TLS, or always. */
export function hstsHandler({ maxAgeSeconds, includeSubdomains, preload, always }: MiddlewareOf<'hsts'>, name: string): Handler {
  const value = `max-age=${maxAgeSeconds}${includeSubdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
  const set = [line('Strict-Transport-Security', text(value)), line('defer')];
  return onEveryAnswer(name, (secure) =>
    always
      ? { matchers: [], directives: [block(['header'], set)] }
      : { matchers: [line(`@${secure}`, 'protocol', 'https')], directives: [block(['header', `@${secure}`], set)] },
  );
}

/** Answers 500 to requests whose Host header is another. */
export function allowedHostsHandler({ hosts }: MiddlewareOf<'allowedHosts'>, name: string): Handler {
  const known = line('header_regexp', 'Host', text(`(?i)^(?:${hosts.map(regexpLiteral).join('|')})$`));
  return { matchers: [block([`@${name}`], [block(['not'], [known])])], directives: [line('respond', `@${name}`, '500')] };
}

const CERTIFICATE = 'X-Forwarded-Tls-Client-Cert';

/** Hands the certificate of a TLS client on, without those that vouch for it. What others say to have is removed. */
export function clientCertificateHandler({ pem }: MiddlewareOf<'passTlsClientCert'>, name: string): Handler {
  const removed = [CERTIFICATE, `${CERTIFICATE}-Info`].map((header) => line('request_header', '*', text(`-${header}`)));
  if (!pem) return { matchers: [], directives: removed };
  const der = '{http.request.tls.client.certificate_der_base64}';
  return {
    matchers: [line(`@${name}`, 'vars_regexp', der, '.')],
    directives: [...removed, line('request_header', `@${name}`, CERTIFICATE, text(der))],
  };
}

/** Removes headers of the request. */
export function withoutHeaders(names: readonly string[]): readonly Node[] {
  return names.map((name) => line('request_header', '*', removal(name)));
}

function requestHeader({ name, value }: HeaderValue): readonly Node[] {
  if (value === '') return withoutHeaders([name]);
  return [line('request_header', '*', headerName(name), text(literalValue(value)))];
}

/** Set after the instance has answered (`defer`): otherwise its own value would be sent as well. */
function responseHeaders(headers: readonly HeaderValue[]): readonly Node[] {
  const lines = headers.map(({ name, value }) => (value === '' ? line(removal(name)) : line(headerName(name), text(literalValue(value)))));
  return lines.length > 0 ? [block(['header'], [...lines, line('defer')])] : [];
}

/** The name of a header; signs and stars mean something to Caddy, so one that begins with a sign cannot be printed. */
export function headerName(name: string): Text {
  return text(/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) ? name : '\0');
}

function removal(name: string): Text {
  return text(`-${headerName(name).text}`);
}
