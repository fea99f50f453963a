import type { CompileOptions } from './options.ts';
import type { ResolvedIntent } from './references.ts';

/**
 * Why a tag may not redirect or forward under the host it names, or undefined where it may: redirects go to http(s) or to a path,
 * and only to `redirectHosts` where some are listed; a `host=` for the instance must not be a reserved host.
 */
export function targetProblem({ pool, action }: ResolvedIntent, { redirectHosts, reservedHosts }: CompileOptions): string | undefined {
  const { upstreamHost } = pool;
  if (upstreamHost.kind === 'fixed' && reservedHosts.includes(upstreamHost.host))
    return `Cannot send Host "${upstreamHost.host}" to the instance: the host is reserved`;
  const host = redirectHost(action);
  if (host === undefined || redirectHosts.length === 0 || redirectHosts.includes(host)) return undefined;
  return `Cannot redirect to "${host}": expected one of ${redirectHosts.join(', ')}`;
}

/** The host that a redirect goes to, `$host` where a part of it is the request's; undefined for the request's own, a path, or no redirect. */
export function redirectHost(action: ResolvedIntent['action']): string | undefined {
  if (action.kind !== 'redirect') return undefined;
  const text = action.redirect.to.map((part) => (part.kind === 'text' ? part.text : part.kind === 'path' ? '/' : '\u0000')).join('');
  const host = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1];
  return host === undefined || host.startsWith('\u0000')
    ? undefined
    : host.toLowerCase().replace(/:\d+$/, '').replaceAll('\u0000', '$host');
}
