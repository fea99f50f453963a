import { groupBy } from '../../lib/sort.ts';
import type { HostMatch } from '../../model/match.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import type { Route, RoutingTable } from '../../model/route.ts';
import { backendsOf } from '../../model/table.ts';
import type { RenderSettings } from '../target.ts';
import { block, line, text, type Node } from './ast.ts';
import { handlerOf, isPrintable, respond } from './handlers.ts';
import { hasPrintableMatch, matcherLines } from './matchers.ts';
import { unlessAlreadyThere } from './redirects.ts';

/**
 * The sites of one entry point: one per exact host with its routes in rank order, behind them the wide routes (patterns and host-less
 * ones), which stand once in a named route; and one for every other host. Where a wide route outranks one of a host's own, that site
 * carries copies, so that the first match of the table answers everywhere.
 */
export function entryPointSites(table: RoutingTable, entryPoint: EntryPoint, settings: RenderSettings): readonly Node[] {
  const backends = backendsOf(table);
  const here = table.routes.filter(({ protocol, entryPoints }) => protocol === 'http' && entryPoints.includes(entryPoint.name));
  const wide = here.filter(({ match }) => match.host.kind !== 'exact');
  const exact = groupBy(
    here.filter(({ match }) => match.host.kind === 'exact'),
    ({ match }) => (match.host.kind === 'exact' ? match.host.host : ''),
  );
  const wideName = `wide-${entryPoint.name}`;
  const unknown = block(['handle'], [unknownHost(settings)]);

  const sites = [...exact]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, routes]) => {
      const last = routes.at(-1)?.rank ?? 0;
      const rivals = wide.filter(({ match }) => mayMatch(match.host, host));
      const outranked = rivals.some(({ rank }) => rank < last);
      const listed = outranked ? [...routes, ...rivals].toSorted((a, b) => a.rank - b.rank) : routes;
      // not in a `handle`: named routes number their groups anew, and one of the same number would count as already taken
      const rest = outranked || wide.length === 0 ? unknown : line('invoke', wideName);
      return site(host, handles(listed, true), { rest, unit: routes[0]?.unit ?? host });
    });
  const named = wide.length > 0 ? [namedRoute()] : [];
  return [
    ...named,
    ...sites,
    site(
      '',
      { matchers: [], handles: [] },
      { rest: wide.length > 0 ? line('invoke', wideName) : unknown, unit: `entry point ${entryPoint.name}` },
    ),
  ];

  function handles(routes: readonly Route[], inSite: boolean): { readonly matchers: readonly Node[]; readonly handles: readonly Node[] } {
    const parts = routes
      .filter((route) => hasPrintableMatch(route, entryPoint))
      .map((route) => {
        const name = `r${route.rank}`;
        const asked = handlerOf(route, {
          backend: route.action.kind === 'forward' ? backends.get(route.action.backend) : undefined,
          name,
          settings,
        });
        const { matchers, directives } = isPrintable(asked) ? asked : respond(503);
        const exactSite = inSite && route.match.host.kind === 'exact';
        const conditions = [...matcherLines(route.match, entryPoint, { inSite: exactSite }), ...unlessAlreadyThere(route)];
        const own = conditions.length > 0 ? [block([`@${name}`], conditions, route.unit)] : [];
        return {
          matchers: [...own, ...matchers],
          handle: block(['handle', ...(own.length > 0 ? [`@${name}`] : [])], [block(['route'], directives)], route.unit),
        };
      });
    return { matchers: parts.flatMap(({ matchers }) => matchers), handles: parts.map(({ handle }) => handle) };
  }

  function namedRoute(): Node {
    const { matchers, handles: listed } = handles(wide, false);
    return block([`&(${wideName})`], [...matchers, block(['route'], [...listed, unknown])]);
  }

  function site(host: string, body: ReturnType<typeof handles>, { rest, unit }: { readonly rest: Node; readonly unit: string }): Node {
    const { bind, port } = listenOf(entryPoint);
    const key = `${entryPoint.tls ? 'https' : 'http'}://${host}:${port}`;
    const listening = bind === '' ? [] : [line('bind', bind)];
    return block(
      [key],
      [...listening, ...tlsLines(settings, entryPoint, host), ...body.matchers, block(['route'], [...body.handles, rest])],
      unit,
    );
  }
}

/** Whether a wide route may answer for a host. Expressions of strangers are never run here: they may. */
function mayMatch(match: HostMatch, host: string): boolean {
  // a pattern with a colon reaches into the port, which no site's name shows
  if (match.kind !== 'glob' || match.pattern.includes(':')) return true;
  const stars = match.pattern.split('*').length - 1;
  return stars > 3 || new RegExp(match.regexp).test(host);
}

/** The answer where no route matches. */
function unknownHost({ unknownHost: { status, body } }: RenderSettings): Node {
  return body === undefined ? line('respond', String(status)) : line('respond', '*', text(body.replace(/[{}`\\]/g, '')), String(status));
}

function tlsLines({ tls }: RenderSettings, entryPoint: EntryPoint, host: string): readonly Node[] {
  if (!entryPoint.tls) return [];
  const protocols = tls.minVersion === '1.3' ? [line('protocols', 'tls1.3')] : [];
  if (tls.mode === 'files') return tls.certificates.map(({ cert, key }) => block(['tls', text(cert), text(key)], protocols));
  // certificates of our own CA: ordered for the hosts that are known, made at the handshake for all others
  return [block(['tls'], [...protocols, block(['issuer', 'internal'], []), ...(host === '' ? [line('on_demand')] : [])])];
}

function listenOf({ address, port }: EntryPoint): { readonly bind: string; readonly port: number } {
  const bind = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return { bind, port };
}
