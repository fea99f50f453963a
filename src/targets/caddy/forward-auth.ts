import type { MiddlewareOf } from '../../model/middleware.ts';
import { headerAliases } from '../header-aliases.ts';
import { block, line, text, type Handler } from './ast.ts';
import { withoutHeaders } from './headers.ts';
import { literalUrl } from './quote.ts';

/**
 * Asks another server. The client's own headers of the names that its answer sets go first, in every spelling that a program may take for them,
 * also where the client is not asked.
 */
export function forwardAuthHandler({ address, copyHeaders, bypass }: MiddlewareOf<'forwardAuth'>, name: string): Handler {
  const { protocol, hostname, port, pathname, search } = new URL(address);
  const isTls = protocol === 'https:';
  const ask = block(
    ['forward_auth', ...(bypass.length > 0 ? [`@${name}`] : []), text(`${hostname}:${port === '' ? (isTls ? 443 : 80) : port}`)],
    [
      // with a query of its own, or none: never the client's
      line('uri', text(literalUrl(`${pathname}${search === '' ? '?' : search}`))),
      ...(copyHeaders.length > 0 ? [line('copy_headers', ...copyHeaders.map(text))] : []),
      line('header_up', 'Host', text('{http.reverse_proxy.upstream.hostport}')),
      ...(isTls ? [block(['transport', 'http'], [line('tls')])] : []),
    ],
  );
  return {
    matchers: bypass.length > 0 ? [block([`@${name}`], [block(['not'], [line('client_ip', ...bypass.map(text))])])] : [],
    directives: [...withoutHeaders(copyHeaders.flatMap(headerAliases)), ask],
  };
}
