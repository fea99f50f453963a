import { globToRegexp, isGlob } from '../../../lib/glob.ts';
import { regexpLiteral } from '../../../lib/quote.ts';
import type { EntryPointChoice } from '../../../model/entry-point.ts';
import type { RouteIntent } from '../../../model/intent.ts';
import { exactPath, pathPrefix, type HostMatch, type HostPort, type PathMatch } from '../../../model/match.ts';
import type { FormatContext } from '../../dialect.ts';
import { approximated, nearly, said, unsaid, unsupported, type Loss, type Said } from '../../loss.ts';
import { usualKind } from '../../same.ts';
import type { FabioSettings } from '../route.ts';
import { globOf } from './glob-of.ts';

/** Where requests of an intent come in. */
export type Place = Pick<RouteIntent, 'entryPoints'> & { readonly host: HostMatch };

/** The listeners and the host of an intent, in Fabio's words: listeners are told by the port behind the host. */
export function sayPlace(intent: RouteIntent, settings: FabioSettings, context: FormatContext): Said<Place> {
  const host = sayHost(intent.match.host, settings);
  const listeners = isOpen(intent)
    ? nearly<Place>({ entryPoints: { kind: 'both' }, host: host.value }, 'TLS requests are answered too')
    : sayListeners(intent.entryPoints, host.value, context);
  return { value: listeners.value, losses: [...host.losses, ...listeners.losses, ...portLosses(intent)] };
}

/** Fabio always looks at the port of the Host header. */
function portLosses({ match: { host }, entryPoints }: RouteIntent): readonly Loss[] {
  const isFree = (host.kind === 'exact' || host.kind === 'glob') && host.port === 'any' && entryPoints.kind !== 'tcp';
  return isFree ? [approximated("requests with another port in their Host header than the listener's are not taken")] : [];
}

/** A Traefik router that names no entry point has just what its proxy gives it; one that redirects to another scheme means one kind. */
function isOpen({ dialect, entryPoints, middlewares }: RouteIntent): boolean {
  return dialect === 'traefik' && entryPoints.kind === 'plain' && middlewares.every(({ kind }) => kind !== 'redirectScheme');
}

function sayListeners(choice: EntryPointChoice, host: HostMatch, { entryPoints }: FormatContext): Said<Place> {
  const place: Place = { entryPoints: choice, host };
  if (choice.kind === 'both') return said(place);
  if (choice.kind === 'port') {
    const what = `port ${choice.port} is asked for in the Host header, on any listener`;
    return host.kind === 'exact' || host.kind === 'glob'
      ? nearly({ entryPoints: { kind: 'both' }, host: { ...host, port: choice.port } }, what)
      : unsaid(place, `a listener on port ${choice.port} without a host`);
  }
  if (choice.kind === 'tcp' || choice.kind === 'udp') return sayConnections(place);
  const kind = usualKind(choice, entryPoints) ?? usualAmong(choice, entryPoints);
  if (kind === undefined) return unsaid(place, `entry points ${namesOf(choice)}: Fabio's listeners have no names`);
  const found = onKind(kind, host);
  if (choice.kind !== 'named' || choice.names.length === 1) return found;
  const others = choice.names.filter((name) => name !== entryPoints[kind]);
  return { value: found.value, losses: [...found.losses, unsupported(`entry points ${others.join(', ')}`)] };
}

function onKind(kind: 'plain' | 'tls', host: HostMatch): Said<Place> {
  if (host.kind !== 'any') return said({ entryPoints: { kind }, host });
  const every: HostMatch = { kind: 'glob', pattern: '*', regexp: '^.*$', port: 'own' };
  return nearly(
    { entryPoints: { kind }, host: every },
    '`*` stands for every host on one kind of listener and goes before routes without host',
  );
}

/** The kind among several named entry points that Fabio has too. */
function usualAmong(choice: EntryPointChoice, usual: FormatContext['entryPoints']): 'plain' | 'tls' | undefined {
  if (choice.kind !== 'named') return undefined;
  const kind = choice.tls ? 'tls' : 'plain';
  return choice.names.includes(usual[kind]) ? kind : undefined;
}

function namesOf(choice: EntryPointChoice): string {
  return choice.kind === 'named' ? choice.names.join(', ') : choice.kind;
}

/** A TCP route is told by its port or by its server name. */
function sayConnections(place: Place): Said<Place> {
  const { entryPoints: choice, host } = place;
  if (choice.kind !== 'tcp') return unsaid(place, 'Fabio forwards no UDP');
  if (host.kind === 'any')
    return choice.port === undefined ? unsaid(place, 'the port of a TCP route that names its entry point only') : said(place);
  if (host.kind !== 'exact') return unsaid(place, 'a TCP route for a pattern of server names');
  const byName: Place = { entryPoints: { kind: 'tcp', beforeTls: true }, host: { ...host, port: 'own' } };
  if (choice.names) return nearly(byName, `the server name counts on every TLS listener, not only on ${choice.names.join(', ')}`);
  return choice.port === undefined
    ? said(byName)
    : nearly(byName, `the server name counts on every TLS listener, not only on port ${choice.port}`);
}

/** The host of an intent as a host or pattern of Fabio. */
function sayHost(host: HostMatch, settings: FabioSettings): Said<HostMatch> {
  if (host.kind === 'any') return said(host);
  if (host.kind === 'exact') {
    const own: HostMatch = { ...host, port: ownPort(host.port) };
    return settings.hostGlobs && isGlob(host.host) ? unsaid(own, `"${host.host}", which Fabio reads as a pattern`) : said(own);
  }
  const literal = host.kind === 'glob' && host.regexp === `^${regexpLiteral(host.pattern)}$`;
  if (host.kind === 'glob' && (literal || (settings.hostGlobs && globToRegexp(host.pattern) === host.regexp)))
    return said({ ...host, port: ownPort(host.port) });
  const found = settings.hostGlobs ? globOf(host.regexp) : undefined;
  if (!found) return unsaid(host, `the host expression "${host.regexp}"`);
  const regexp = globToRegexp(found.pattern) ?? '';
  const glob: HostMatch = { kind: 'glob', pattern: found.pattern, regexp, port: host.kind === 'glob' ? ownPort(host.port) : 'own' };
  return found.exact ? said(glob) : nearly(glob, `\`*\` of "${found.pattern}" spans dots`);
}

function ownPort(port: HostPort): HostPort {
  return port === 'any' ? 'own' : port;
}

/** The path of an intent as the matcher of Fabio compares it. */
export function sayPath(path: PathMatch, { matcher }: FabioSettings): Said<PathMatch> {
  if (path.kind === 'any') return said(matcher === 'glob' ? { kind: 'regexp', regexp: globToRegexp('/*') ?? '' } : path);
  if (path.kind === 'regexp') return sayPathRegexp(path.regexp, matcher);
  const { ignoreCase } = path;
  const caseLost = ignoreCase === (matcher === 'iprefix') ? [] : [caseLoss(path.path, ignoreCase)];
  const { value, losses } = matcher === 'glob' ? asGlob(path) : asPrefix(path, matcher === 'iprefix');
  return { value, losses: [...losses, ...caseLost] };
}

function asPrefix({ kind, path }: Extract<PathMatch, { path: string }>, ignoreCase: boolean): Said<PathMatch> {
  const prefix = pathPrefix(path, ignoreCase);
  return kind === 'prefix' ? said(prefix) : nearly(prefix, `"${path}" also matches every path that begins so`);
}

function asGlob({ kind, path }: Extract<PathMatch, { path: string }>): Said<PathMatch> {
  if (isGlob(path)) return unsaid(exactPath(path), `the path "${path}", which Fabio reads as a pattern`);
  return said(kind === 'exact' ? exactPath(path) : { kind: 'regexp', regexp: globToRegexp(`${path}*`) ?? '' });
}

function sayPathRegexp(regexp: string, matcher: FabioSettings['matcher']): Said<PathMatch> {
  const path: PathMatch = { kind: 'regexp', regexp };
  const found = matcher === 'glob' ? globOf(regexp) : undefined;
  return found?.exact
    ? said({ kind: 'regexp', regexp: globToRegexp(found.pattern) ?? '' })
    : unsaid(path, `the path expression "${regexp}"`);
}

function caseLoss(path: string, ignoreCase: boolean): Loss {
  return approximated(ignoreCase ? `"${path}" is matched in this case only` : `"${path}" is matched in any case`);
}
