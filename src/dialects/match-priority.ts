import type { HostMatch, PathMatch, RouteMatch } from '../model/match.ts';

/**
 * A priority that puts routers into Fabio's order: exact hosts before patterns before none, then more literal characters of the host,
 * then the longer path, an exact path before an equal prefix. Larger is asked first.
 */
export function matchPriority({ host, path }: Pick<RouteMatch, 'host' | 'path'>): number {
  return classOf(host) * 1_000_000 + Math.min(999, hostLength(host)) * 1000 + pathPlace(path);
}

function classOf(host: HostMatch): number {
  return host.kind === 'exact' ? 3 : host.kind === 'any' ? 1 : 2;
}

function hostLength(host: HostMatch): number {
  if (host.kind === 'any') return 0;
  if (host.kind === 'regexp') return host.regexp.replace(/[^a-z0-9_-]/g, '').length;
  const port = typeof host.port === 'number' ? `:${host.port}` : '';
  const text = host.kind === 'exact' ? host.host : host.pattern.replace(/[*?[\]{}!,]/g, '');
  return text.length + port.length;
}

/** An exact path has one more than its prefix: no request fits both an exact path and a prefix that is one longer. */
function pathPlace(path: PathMatch): number {
  if (path.kind === 'any') return 1;
  const length = Math.min(998, path.kind === 'regexp' ? path.regexp.length : path.path.length);
  return path.kind === 'exact' ? length + 1 : length;
}
