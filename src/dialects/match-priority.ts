import type { RouteIntent } from '../model/intent.ts';
import type { HostMatch, PathMatch } from '../model/match.ts';

/**
 * A priority that puts routers into Fabio's order: exact hosts before patterns before none, then more literal characters of the host with
 * its port (`h:80/` says plain http and goes before `h/`), then the longer path, an exact path before an equal prefix. Larger is asked
 * first.
 */
export function matchPriority({ match: { host, path }, entryPoints }: Pick<RouteIntent, 'match' | 'entryPoints'>): number {
  const length = host.kind === 'any' ? 0 : hostLength(host) + portText(host, entryPoints).length;
  return classOf(host) * 1_000_000 + Math.min(999, length) * 1000 + pathPlace(path);
}

function classOf(host: HostMatch): number {
  return host.kind === 'exact' ? 3 : host.kind === 'any' ? 1 : 2;
}

function hostLength(host: HostMatch): number {
  if (host.kind === 'any') return 0;
  if (host.kind === 'regexp') return host.regexp.replace(/[^a-z0-9_-]/g, '').length;
  return (host.kind === 'exact' ? host.host : host.pattern.replace(/[*?[\]{}!,]/g, '')).length;
}

/** The port that a tag of Fabio or HinD would have behind its host. */
function portText(host: HostMatch, { kind }: RouteIntent['entryPoints']): string {
  if ((host.kind === 'exact' || host.kind === 'glob') && typeof host.port === 'number') return `:${host.port}`;
  return kind === 'plain' ? ':80' : kind === 'tls' ? ':443' : '';
}

/** An exact path has one more than its prefix: no request fits both an exact path and a prefix that is one longer. */
function pathPlace(path: PathMatch): number {
  if (path.kind === 'any') return 1;
  const length = Math.min(998, path.kind === 'regexp' ? path.regexp.length : path.path.length);
  return path.kind === 'exact' ? length + 1 : length;
}
