import type { Middleware } from '../model/middleware.ts';
import type { Route } from '../model/route.ts';

/** What a redirect leads to. Absent host or path: those of the request. */
export interface RedirectGoal {
  readonly scheme: 'http' | 'https';
  /** As in a Host header, with its port. */
  readonly host?: string;
  readonly path?: string;
}

/**
 * Where a Fabio redirect leads, if requests can already be there: Fabio goes on to the next route for those whose X-Forwarded-Proto, Host
 * and path say the same (fabiolb/fabio:route/table.go Lookup). Undefined where no request can be.
 */
export function redirectGoal({ action, dialect, middlewares }: Route): RedirectGoal | undefined {
  if (action.kind !== 'redirect' || dialect !== 'fabio' || middlewares.some(changesPath)) return undefined;
  const target = /^(https?):\/\/([^/]*)(.*)$/.exec(
    action.redirect.to
      .map((part) => (part.kind === 'text' ? part.text : `${PLACE[part.kind]}${part.kind === 'path' ? (part.strip ?? '') : ''}`))
      .join(''),
  );
  if (!target) return undefined;
  const [, scheme, host = '', rest = ''] = target;
  const path = rest.replace(/\?.*$/, '');
  if (path.includes(PLACE.path) ? path !== PLACE.path : path === '') return undefined;
  if (host !== PLACE.host && (host.includes(PLACE.host) || host.includes(PLACE.hostname))) return undefined;
  return {
    scheme: scheme === 'http' ? 'http' : 'https',
    ...(host !== PLACE.host && { host }),
    ...(path !== PLACE.path && { path }),
  };
}

/** Stand for the parts of a target that come from the request; no text of a tag holds them. */
const PLACE = { path: '/\u0001', host: '\u0002', hostname: '\u0003' } as const;

function changesPath({ kind }: Middleware): boolean {
  return kind === 'stripPrefix' || kind === 'addPrefix';
}
