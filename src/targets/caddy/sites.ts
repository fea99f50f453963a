import { compileRegexp } from '../../lib/regexp.ts';
import { createMemory, memoised, once } from '../../lib/memo.ts';
import { groupBy } from '../../lib/sort.ts';
import type { HostMatch } from '../../model/match.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import { backendIdsOf, needsCertificate, type Route, type RoutingTable, type TlsProfile } from '../../model/route.ts';
import { backendsOf } from '../../model/table.ts';
import type { RenderSettings } from '../target.ts';
import { block, line, text, type Node } from './ast.ts';
import { handlerOf, isPrintable, respond } from './handlers.ts';
import { hasPrintableMatch, matcherLines, mayEndInDot, portLines, type Checked } from './matchers.ts';
import { unlessAlreadyThere } from './redirects.ts';
import { greetedLines, tlsLines, tlsProfileOf } from './tls.ts';

/**
 * The sites of one entry point: one per exact host with its routes in rank order, behind them the wide routes (patterns and host-less
 * ones), which stand once in a named route; and, first, one for every other host. Where a wide route outranks one of a host's own, that
 * site carries copies, so that the first match of the table answers everywhere. A site's text depends on nothing but its own routes. As every
 * route answers what it takes, none of them needs a `handle`: Caddy's time for a load grows with each handler.
 */
export function entryPointSites(table: RoutingTable, entryPoint: EntryPoint, settings: RenderSettings): readonly Node[] {
  const remember = memoryOf(contextOf(settings)(entryPoint));
  const backends = backendsOf(table);
  const here = table.routes.filter(({ protocol, entryPoints }) => protocol === 'http' && entryPoints.includes(entryPoint.name));
  const wide = here.filter(({ match }) => match.host.kind !== 'exact');
  const exact = groupBy(
    here.filter(({ match }) => match.host.kind === 'exact'),
    ({ match }) => (match.host.kind === 'exact' ? match.host.host : ''),
  );
  const wideName = `wide-${entryPoint.name}`;
  const wideAnswers = answersOf(wide, { prefix: 'w', checkedOf: () => 'nothing' });
  const wideFailures = wideAnswers.failures.length > 0 ? [line('invoke', failedName(wideName))] : [];
  const unknown = unknownHost(settings);
  const rest = wide.length > 0 ? line('invoke', wideName) : unknown;

  const sites = [...exact]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, routes]) => {
      const last = routes.at(-1)?.rank ?? 0;
      const names = namesOf(host, routes);
      const rivals = wide.length > 0 ? wide.filter(({ match }) => names.some((name) => mayMatch(match.host, name))) : wide;
      const outranked = rivals.some(({ rank }) => rank < last);
      const listed = outranked ? [...routes, ...rivals].toSorted((a, b) => a.rank - b.rank) : routes;
      const inputs: unknown[] = [wide.length > 0, outranked, wideFailures.length > 0];
      for (const route of listed) inputs.push(route, ...backendIdsOf(route).map((id) => backends.get(id)));
      return remember({ key: listed[0] ?? listed, inputs }, () => hostSite(names, listed, outranked));
    });
  const named = [...(wide.length > 0 ? wideRoutes() : []), ...([...exact.values()].some(ownPortOnly) ? [ownPortRoute()] : [])];
  return [...named, everyOther(), ...sites];

  function hostSite(names: SiteNames, listed: readonly Route[], outranked: boolean): Node {
    const [host] = names;
    const guard = ownPortOnly(listed) ? [line('invoke', ownPortName(entryPoint))] : [];
    const checked = guard.length > 0 ? 'hostAndPort' : 'host';
    const checkedOf = ({ dialect }: Route): Checked => (names.length === 1 || mayEndInDot(host, dialect) ? checked : 'nothing');
    const answers = answersOf(listed, { prefix: 'r', checkedOf });
    const failures = outranked ? answers.failures : [...answers.failures, ...wideFailures];
    const [profile] = listed.flatMap((route) => tlsProfileOf(route) ?? []);
    return site(names, { ...answers, failures }, { guard, rest: outranked ? unknown : rest, unit: listed[0]?.unit ?? host, profile });
  }

  /** The site of every host that has none. */
  function everyOther(): Node {
    const never = block(['@never'], [block(['not'], [line('path', '*')])]);
    // Caddy numbers groups over all sites, and anew over the named routes: the first number is that of `clean` and must be no site's
    const first = block(['handle', '@never'], [line('respond', '404')]);
    return site(
      [''],
      { matchers: [never], nodes: [first], isTotal: false, failures: [...wideFailures, ...hostless(rest)] },
      { guard: [], rest, unit: `entry point ${entryPoint.name}` },
    );
  }

  /** Up to the first route that takes every request: `isTotal` where there is one. */
  function answersOf(
    routes: readonly Route[],
    { prefix, checkedOf }: { readonly prefix: string; readonly checkedOf: (route: Route) => Checked },
  ): Answers {
    const parts = routes
      .filter((route) => hasPrintableMatch(route, entryPoint))
      .map((route, index) => answerOf(route, { name: `${prefix}${index}`, checked: checkedOf(route) }));
    const total = parts.findIndex(({ isTotal }) => isTotal);
    const reached = total < 0 ? parts : parts.slice(0, total + 1);
    return {
      matchers: reached.flatMap(({ matchers }) => matchers),
      nodes: reached.flatMap(({ nodes }) => nodes),
      failures: reached.flatMap(({ failures }) => failures),
      isTotal: total >= 0,
    };
  }

  function answerOf(route: Route, { name, checked }: { readonly name: string; readonly checked: Checked }): Answers {
    const isLocked = !entryPoint.tls && needsCertificate(route);
    const asked = isLocked ? respond(403) : handlerOf(route, { backends, name, settings });
    const { matchers, directives, failures = [] } = isPrintable(asked) ? asked : respond(503);
    const known = route.match.host.kind === 'exact' ? checked : 'nothing';
    const conditions = [...matcherLines(route, entryPoint, { checked: known }), ...unlessAlreadyThere(route)];
    const own = conditions.length > 0 ? [block([`@${name}`], conditions, route.unit)] : [];
    const node = block(['route', ...(own.length > 0 ? [`@${name}`] : [])], directives, route.unit);
    return { matchers: [...own, ...matchers], nodes: own.length > 0 ? [node] : directives, failures, isTotal: own.length === 0 };
  }

  function wideRoutes(): readonly Node[] {
    const { matchers, nodes, failures, isTotal } = wideAnswers;
    return [
      block([`&(${wideName})`], [...matchers, block(['route'], [...nodes, ...(isTotal ? [] : [unknown])])]),
      ...(failures.length > 0 ? [block([`&(${failedName(wideName)})`], failures)] : []),
    ];
  }

  /** What a site whose routes all want the entry point's own port in the Host header does with any other. */
  function ownPortRoute(): Node {
    const foreign = block(['@foreign'], [block(['not'], portLines('own', entryPoint))]);
    return block([`&(${ownPortName(entryPoint)})`], [foreign, block(['route', '@foreign'], [rest])]);
  }

  function site(
    names: SiteNames,
    { matchers, nodes, failures, isTotal }: Answers,
    {
      guard,
      rest,
      unit,
      profile,
    }: { readonly guard: readonly Node[]; readonly rest: Node; readonly unit: string; readonly profile?: TlsProfile | undefined },
  ): Node {
    const { bind, port } = listenOf(entryPoint);
    const [host] = names;
    const keys = names.map((name) => `${entryPoint.tls ? 'https' : 'http'}://${name}:${port}`);
    const listening = bind === '' ? [] : [line('bind', bind)];
    const greeted = greetedLines(entryPoint, { host, profile });
    const body = block(['route'], [...greeted.directives, ...guard, ...nodes, ...(isTotal ? [] : [rest])]);
    const failing = failures.length > 0 ? [block(['handle_errors'], failures)] : [];
    return block(
      keys.map((key, index) => (index < keys.length - 1 ? `${key},` : key)),
      [...listening, ...tlsLines(settings, entryPoint, { host, profile }), ...greeted.matchers, ...matchers, body, ...failing],
      unit,
    );
  }
}

/** What a site answers to, its host first; `''`: every other one. */
type SiteNames = readonly [host: string, ...others: readonly string[]];

/** The names under which a host is asked for: with a dot behind it too where a route takes that. */
function namesOf(host: string, routes: readonly Route[]): SiteNames {
  return routes.some(({ dialect }) => mayEndInDot(host, dialect)) ? [host, `${host}.`] : [host];
}

/** Stands for an entry point with its settings, the same object each time. */
const contextOf = memoised((entryPoint: EntryPoint, settings: RenderSettings) => ({ entryPoint, settings }));

const memoryOf = createMemory<Node>();

/**
 * What answers requests in a site: the matchers at its top, the directives that run in order, and what is done where one of them fails.
 * `isTotal`: nothing is left over.
 */
interface Answers {
  readonly matchers: readonly Node[];
  readonly nodes: readonly Node[];
  readonly failures: readonly Node[];
  readonly isTotal: boolean;
}

/**
 * Requests with an empty Host, which Caddy refuses before it asks any route: those for every host answer them, as in Fabio and Traefik. What
 * Caddy takes out of all other requests goes here too: headers that programs may take for those with a hyphen.
 */
function hostless(rest: Node): readonly Node[] {
  const refused = [line('vars', '{http.request.hostport}', text('')), line('vars_regexp', '{http.error.status_code}', text('^400$'))];
  const aliases = ['-*_*', '-*.*'].map((names) => line('request_header', '*', names));
  return [block(['@hostless'], refused), block(['route', '@hostless'], [...aliases, rest])];
}

/** The named route of what is done where a wide route fails. */
function failedName(wideName: string): string {
  return `${wideName}-failed`;
}

function ownPortOnly(routes: readonly Route[]): boolean {
  return routes.every(({ match: { host } }) => host.kind === 'exact' && host.port === 'own');
}

function ownPortName({ name }: EntryPoint): string {
  return `own-port-${name}`;
}

const expressionOf = once(({ regexp }: Extract<HostMatch, { kind: 'glob' }>) => new RegExp(regexp));

const hostExpressionOf = once(({ regexp }: Extract<HostMatch, { kind: 'regexp' }>) => compileRegexp(`(?i)${regexp}`));

/** Whether a wide route may answer for a host. */
function mayMatch(match: HostMatch, host: string): boolean {
  if (match.kind === 'regexp') return hostExpressionOf(match).test(host);
  if (match.kind !== 'glob') return true;
  const { pattern } = match;
  const [head = ''] = /^[^*?[\]{}!,\\:]*/.exec(pattern.toLowerCase()) ?? [];
  const [tail = ''] = /[^*?[\]{}!,\\:]*$/.exec(pattern.toLowerCase()) ?? [];
  // digits at the end may be of the port, which no site's name shows
  if (!host.startsWith(head) || (/[^0-9]/.test(tail) && !host.endsWith(tail))) return false;
  const stars = pattern.split('*').length - 1;
  return pattern.includes(':') || stars > 3 || expressionOf(match).test(host);
}

/** The answer where no route matches. */
function unknownHost({ unknownHost: { status, body } }: RenderSettings): Node {
  return body === undefined ? line('respond', String(status)) : line('respond', '*', text(body.replace(/[{}`\\]/g, '')), String(status));
}

function listenOf({ address, port }: EntryPoint): { readonly bind: string; readonly port: number } {
  const bind = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return { bind, port };
}
