import { joinHostPort } from '../lib/host.ts';
import type { RoutingTable } from '../model/route.ts';
import { diffTables } from '../plan/diff.ts';
import { routeViews, type RouteView } from './views.ts';

/** One thing in which a route differs; what stands for it is shown as in `/v1/routes`. */
export interface RouteDifference {
  readonly what: 'match' | 'entrypoints' | 'action' | 'backends' | 'middlewares' | 'services' | 'tags' | 'options';
  /** Only what the other side lacks. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A route of a difference: by which request it is found, the services it is made of, and their tags. */
export type DiffRoute = Pick<RouteView, 'id' | 'match' | 'entrypoints' | 'services' | 'action' | 'tags'>;

/** What `diff A B` answers: routes by the order in which they are tried. */
export interface DiffView {
  readonly from: number;
  readonly to: number;
  readonly created: readonly DiffRoute[];
  readonly changed: readonly (DiffRoute & { readonly differences: readonly RouteDifference[] })[];
  readonly removed: readonly DiffRoute[];
  readonly unchanged: number;
  /** The proxies they were made for, where these differ. */
  readonly servers?: readonly [string, string];
}

interface Side {
  readonly id: number;
  readonly server: string;
  readonly table: RoutingTable;
}

/** In what the routes of two generations differ; tags are redacted. */
export function diffView(from: Side, to: Side): DiffView {
  const { created, updated, removed, unchanged } = diffTables(from.table, to.table);
  const [before, after] = [viewsById(from.table), viewsById(to.table)];
  const shown = (views: ReadonlyMap<string, RouteView>, { id }: { readonly id: string }): readonly DiffRoute[] =>
    [views.get(id)].flatMap((view) => (view ? [diffRoute(view)] : []));
  return {
    from: from.id,
    to: to.id,
    created: created.flatMap((route) => shown(after, route)),
    changed: updated.flatMap((pair) => {
      const [was, is] = [before.get(pair.before.id), after.get(pair.after.id)];
      return was && is ? [{ ...diffRoute(is), differences: differencesOf(was, is) }] : [];
    }),
    removed: removed.flatMap((route) => shown(before, route)),
    unchanged,
    ...(from.server !== to.server && { servers: [from.server, to.server] as const }),
  };
}

function viewsById(table: RoutingTable): ReadonlyMap<string, RouteView> {
  return new Map(routeViews(table, { held: [], diagnostics: [] }).map((view) => [view.id, view]));
}

function diffRoute({ id, match, entrypoints, services, action, tags }: RouteView): DiffRoute {
  return { id, match, entrypoints, services, action, tags };
}

function differencesOf(was: RouteView, is: RouteView): readonly RouteDifference[] {
  const pairs = [
    ['match', [was.match], [is.match]],
    ['entrypoints', was.entrypoints, is.entrypoints],
    ['action', [was.action], [is.action]],
    ['backends', was.backends.map(backendText), is.backends.map(backendText)],
    ['middlewares', was.middlewares, is.middlewares],
    ['services', was.services, is.services],
    ['tags', was.tags, is.tags],
  ] as const;
  const found = pairs.flatMap(([what, old, current]): readonly RouteDifference[] => {
    const [before, after] = [old.filter((text) => !current.includes(text)), current.filter((text) => !old.includes(text))];
    return before.length + after.length === 0 ? [] : [{ what, before, after }];
  });
  // what middlewares and pools are told is not shown in routes
  return found.length > 0 ? found : [{ what: 'options', before: [], after: [] }];
}

function backendText({ address, port, weight }: RouteView['backends'][number]): string {
  return `${joinHostPort(address, port)}${weight === 1 ? '' : `×${weight}`}`;
}
