import { globToRegexp, isGlob } from '../../lib/glob.ts';
import { regexpLiteral } from '../../lib/quote.ts';
import type { DiagnosticCode } from '../../model/codes.ts';
import { ANY_HOST, exactHost, exactPath, pathPrefix, type HostMatch, type HostPort, type PathMatch } from '../../model/match.ts';
import { parseHostname, parsePort, type Port } from '../../model/names.ts';
import type { EntryPointChoice } from '../../model/entry-point.ts';
import { expandVariables } from './expand.ts';

/** How Fabio is set up where its tags come from; the names of its own options. */
export interface FabioSettings {
  readonly tagPrefix: string;
  readonly matcher: 'prefix' | 'iprefix' | 'glob';
  /** False as with `glob.matching.disabled=true`. */
  readonly hostGlobs: boolean;
}

/** What a route's text asks for. */
export interface FabioRoute {
  readonly host: HostMatch;
  readonly path: PathMatch;
  /** The path as the tag has it, variables replaced. */
  readonly pathText: string;
  readonly entryPoints: EntryPointChoice;
  /** Where the host names port 80 or 443: on the listeners of the other kind Fabio asks for that port in the Host header. */
  readonly secondary?: { readonly host: HostMatch; readonly entryPoints: EntryPointChoice };
  /** The port that its host names. */
  readonly hostPort?: Port;
  /** A TCP route by its form (`:port`), whatever its options say. */
  readonly tcpPort?: Port;
}

/** Something to report at the route's text. */
export interface RouteNote {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
}

/**
 * Reads `:port`, `host`, `host:port`, `host/path` and `/path` (fabiolb/fabio:route/route.go hostpath). A port 80 or 443 in the host means
 * the plain or the TLS listeners, any other must stand in the Host header. Undefined with a note: no route.
 */
export function parseRoute(
  text: string,
  { settings, variables }: { readonly settings: FabioSettings; readonly variables: ReadonlyMap<string, string> },
): { readonly route?: FabioRoute; readonly notes: readonly RouteNote[] } {
  if (text.startsWith(':')) return portRoute(text);
  const slash = text.indexOf('/');
  const { text: expanded, lost } = slash < 0 ? { text, lost: [] } : expandVariables(text, variables);
  const notes = lost.map(
    (name): RouteNote =>
      name === 'DC'
        ? { code: 'FABIO_DC_UNKNOWN', message: 'Cannot replace `$DC`: the instance has no datacenter' }
        : { code: 'FABIO_DOLLAR_LOST', message: `\`$${name}\` became empty, as in Fabio` },
  );
  if (notes.some(({ code }) => code === 'FABIO_DC_UNKNOWN')) return { notes };
  const cut = expanded.indexOf('/');
  const hostText = (cut < 0 ? expanded : expanded.slice(0, cut)).toLowerCase();
  const pathText = cut < 0 ? '/' : expanded.slice(cut);
  if (hostText.startsWith(':')) return { notes: [...notes, dead(expanded)] };
  const host = parseHost(hostText, settings);
  if ('code' in host) return { notes: [...notes, host] };
  const path = parsePath(pathText, settings);
  if ('code' in path) return { notes: [...notes, path] };
  const order: RouteNote[] =
    hostText.includes('}') && host.host.kind === 'glob'
      ? [{ code: 'FABIO_GLOB_ORDER', message: `"${hostText}" outranks the exact hosts of its owner that it matches, as in Fabio` }]
      : [];
  return { route: { ...host, path, pathText }, notes: [...notes, ...order] };
}

function portRoute(text: string): ReturnType<typeof parseRoute> {
  const port = portOf(text.slice(1));
  if (port === undefined) return { notes: [dead(text)] };
  return {
    route: { host: ANY_HOST, path: { kind: 'any' }, pathText: '/', entryPoints: { kind: 'tcp', port }, tcpPort: port },
    notes: [],
  };
}

function dead(text: string): RouteNote {
  const hint = /^:\d+\/$/.test(text)
    ? { hint: `For TCP connections say "${text.slice(0, -1)} proto=tcp", for requests "HOST${text}"` }
    : {};
  return { code: 'FABIO_ROUTE_DEAD', message: `"${text}" is never looked up by Fabio; nothing is served for it`, ...hint };
}

function parseHost(text: string, settings: FabioSettings): Pick<FabioRoute, 'host' | 'entryPoints' | 'secondary' | 'hostPort'> | RouteNote {
  if (text === '') return { host: ANY_HOST, entryPoints: { kind: 'both' } };
  const colon = /^(.*):(\d+)$/.exec(text);
  const number = colon ? portOf(colon[2] ?? '') : undefined;
  if (colon && number === undefined)
    return { code: 'FABIO_ROUTE_SYNTAX', message: `Cannot use the port of "${text}": expected 1 to 65535` };
  const name = colon ? (colon[1] ?? '') : text;
  const entryPoints: EntryPointChoice = { kind: number === 80 ? 'plain' : number === 443 ? 'tls' : 'both' };
  const usual = number === 80 || number === 443;
  const host = hostOf(name, number === undefined || usual ? 'own' : number, settings);
  if ('code' in host || number === undefined) return 'code' in host ? host : { host, entryPoints };
  if (!usual) return { host, entryPoints, hostPort: number };
  const withPort = hostOf(name, number, settings);
  if ('code' in withPort) return withPort;
  const secondary = { host: withPort, entryPoints: { kind: number === 80 ? 'tls' : 'plain', secondary: true } } as const;
  return { host, entryPoints, hostPort: number, secondary };
}

/** A port as it stands in a Host header: without leading zeros. */
function portOf(text: string): Port | undefined {
  return text.startsWith('0') ? undefined : parsePort(text);
}

function hostOf(name: string, port: HostPort, settings: FabioSettings): HostMatch | RouteNote {
  if (settings.hostGlobs && isGlob(name)) {
    const regexp = /^[a-z0-9_.*?[\]!{},:()$-]{1,253}$/.test(name) ? globToRegexp(name) : undefined;
    if (regexp === undefined) return { code: 'FABIO_HOST_GLOB', message: `Cannot compile the host pattern "${name}"` };
    return { kind: 'glob', pattern: name, regexp, port };
  }
  const hostname = parseHostname(name);
  if (hostname !== undefined) return exactHost(hostname, port);
  if (/^[a-z0-9_.$()-]{1,253}$/.test(name)) return { kind: 'glob', pattern: name, regexp: `^${regexpLiteral(name)}$`, port };
  return { code: 'FABIO_ROUTE_SYNTAX', message: `Cannot use the host "${name}": expected labels of letters, digits, "-" and "_"` };
}

function parsePath(text: string, { matcher }: FabioSettings): PathMatch | RouteNote {
  const regexp = globToRegexp(text);
  if (regexp === undefined)
    return { code: 'FABIO_PATH_GLOB', message: `Cannot compile the path "${text}": Fabio reads every path as a glob` };
  const problem = pathProblem(text);
  if (problem !== undefined) return { code: 'FABIO_ROUTE_SYNTAX', message: `Cannot serve the path "${text}": ${problem}` };
  const unseen = matcher === 'glob' ? /[#%]/ : /[?#%]/;
  if (unseen.test(text))
    return {
      code: 'FABIO_ROUTE_DEAD',
      message: `No request has the path "${text}" when Fabio compares it: decoded, without query; nothing is served for it`,
    };
  if (matcher !== 'glob') return pathPrefix(text, matcher === 'iprefix');
  return isGlob(text) ? { kind: 'regexp', regexp } : exactPath(text);
}

/** Why no route may have this path, or undefined. */
function pathProblem(text: string): string | undefined {
  if (!/^\/[!-~]*$/.test(text)) return 'it holds a character that no path has';
  if (text.includes('//')) return 'it holds an empty segment';
  if (text.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) return 'it holds a dot segment';
  if (/%(2f|5c|00)/i.test(text)) return 'it holds an encoded slash or NUL';
  return /%(?![0-9a-f]{2})/i.test(text) ? 'it holds a `%` that encodes nothing' : undefined;
}
