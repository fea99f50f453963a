import { regexpLiteral } from '../../lib/quote.ts';
import { parseIp } from '../../lib/ip.ts';
import { isOneLabel, type Condition, type HostMatch, type HostPort, type PathMatch } from '../../model/match.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import type { DialectName, Route } from '../../model/route.ts';
import { KEEPS_ENCODED, URI } from './canonical.ts';
import { celText, queryLines, queryRegexpLines } from './queries.ts';
import { canPrint } from './quote.ts';
import { line, text, block, type Node } from './ast.ts';

/** What of an exact host is known to match before the matcher is asked. */
export type Checked = 'nothing' | 'host' | 'hostAndPort';

/**
 * The lines of a named matcher that holds where the match does on this entry point, without what is checked already. Paths are regular
 * expressions, because Caddy's own path matcher is case-blind; both see the decoded, cleaned path.
 */
export function matcherLines(
  { match, dialect }: Pick<Route, 'match' | 'dialect'>,
  entryPoint: EntryPoint,
  { checked }: { readonly checked: Checked },
): readonly Node[] {
  const context = { entryPoint, dialect };
  const host = checkedHostLines(match.host, context, checked);
  return separate([
    ...host,
    ...pathLines(match.path, dialect),
    ...match.conditions.flatMap((condition) => conditionLines(condition, context)),
  ]);
}

/** Where a match is asked, and in whose words it was written. */
export interface MatchContext {
  readonly entryPoint: EntryPoint;
  readonly dialect: DialectName;
}

/** Whether the match of a route can be written; one that cannot gives no route. */
export function hasPrintableMatch(route: Route, entryPoint: EntryPoint): boolean {
  return matcherLines(route, entryPoint, { checked: 'nothing' }).every(canPrint);
}

function checkedHostLines(host: HostMatch, context: MatchContext, checked: Checked): readonly Node[] {
  if (host.kind !== 'exact' || checked === 'nothing') return hostLines(host, context);
  return checked === 'host' ? portLines(host.port, context.entryPoint) : [];
}

function pathLines(path: PathMatch, dialect: DialectName): readonly Node[] {
  switch (path.kind) {
    case 'any':
      return [];
    case 'exact':
      return [line('path_regexp', text(`${path.ignoreCase ? '(?i)' : ''}^${regexpLiteral(path.path)}$`)), ...slashLines(path, dialect)];
    case 'prefix':
      return [line('path_regexp', text(`${path.ignoreCase ? '(?i)' : ''}^${regexpLiteral(path.path)}`)), ...slashLines(path, dialect)];
    case 'regexp':
      return regexpLines(path.regexp, dialect);
    default:
      throw new TypeError(`Cannot match a path: ${JSON.stringify(path satisfies never)}`);
  }
}

/**
 * Where a path holds reserved characters that are encoded, the expressions of Traefik tags see them so: there they are asked of the path as it
 * was sent. Two negations are an alternative.
 */
function regexpLines(regexp: string, dialect: DialectName): readonly Node[] {
  const decoded = line('path_regexp', text(regexp));
  if (dialect !== 'traefik') return [decoded];
  const isKept = line('vars_regexp', URI, text(KEEPS_ENCODED));
  const sent = line('expression', text(`${URI}.split("?")[0].matches(${celText(regexp)})`));
  const ways = [
    [block(['not'], [isKept]), decoded],
    [isKept, sent],
  ];
  return [
    block(
      ['not'],
      ways.map((way) => block(['not'], way)),
    ),
  ];
}

function slashLines(path: PathMatch, dialect: DialectName): readonly Node[] {
  const encoded = encodedSlash(path, dialect);
  return encoded === undefined ? [] : [line('not', 'vars_regexp', URI, text(encoded))];
}

/**
 * What in a URL as sent tells that a path does not match, though it does once it is decoded: an encoded slash where Traefik tags ask for a
 * slash. Undefined where there is no such thing.
 */
export function encodedSlash(path: PathMatch, dialect: DialectName): string | undefined {
  if (dialect !== 'traefik') return undefined;
  if (path.kind === 'exact') return '(?i)^[^?]*%2f';
  const inner = path.kind === 'prefix' ? path.path.split('/').length - 2 : 0;
  if (inner < 1) return undefined;
  return `(?i)^${inner === 1 ? '/+[^/?]*' : `(?:/+[^/?]*){1,${inner}}`}%2f`;
}

function hostLines(host: HostMatch, context: MatchContext): readonly Node[] {
  const { entryPoint, dialect } = context;
  switch (host.kind) {
    case 'any':
      return [];
    case 'exact':
      return [
        line('header_regexp', 'Host', text(`(?i)^${regexpLiteral(host.host)}${mayEndInDot(host.host, dialect) ? '\\.?' : ''}(:[0-9]+)?$`)),
        ...portLines(host.port, entryPoint),
      ];
    case 'glob':
      // Fabio matches a pattern against the Host header, so that its stars reach into a port that is not the usual one
      return [line('header_regexp', 'Host', text(hostRegexp(host, context)))];
    case 'regexp':
      // the expression must see the host without its port, whatever it is anchored to
      return [line('vars_regexp', '{http.request.host}', text(`(?i)${host.regexp}`))];
    default:
      throw new TypeError(`Cannot match a host: ${JSON.stringify(host satisfies never)}`);
  }
}

/** Whether a host matches with a dot behind it too: names of Traefik tags do, as in Traefik. */
export function mayEndInDot(host: string, dialect: DialectName): boolean {
  return dialect === 'traefik' && parseIp(host.replace(/^\[|\]$/g, '')) === undefined;
}

/** A pattern of hosts as an expression for the whole Host header. A dot may end what one of Traefik's own matches. */
export function hostRegexp(host: Extract<HostMatch, { kind: 'glob' }>, { entryPoint, dialect }: MatchContext): string {
  const dot = dialect === 'traefik' && isOneLabel(host) ? '\\.?' : '';
  return `(?i)${host.regexp.replace(/\$$/, `${dot}${portRegexp(host.port, entryPoint)}$`)}`;
}

/** What the port in the Host header must be: absent or one of these. */
export function portLines(port: HostPort, entryPoint: EntryPoint): readonly Node[] {
  if (port === 'any') return [];
  if (port === 'own') return [line('vars', '{http.request.port}', text(''), ...ownPorts(entryPoint))];
  return [line('vars', '{http.request.port}', String(port))];
}

/** The same behind a pattern, as the end of its regular expression. */
function portRegexp(port: HostPort, entryPoint: EntryPoint): string {
  if (port === 'any') return '(:[0-9]+)?';
  return port === 'own' ? `(:(${ownPorts(entryPoint).join('|')}))?` : `:${port}`;
}

/** The ports that a client need not say: the usual one of the scheme and the one listened on. */
export function ownPorts({ tls, port }: EntryPoint): readonly string[] {
  return [...new Set([tls ? 443 : 80, port])].map(String);
}

function conditionLines(condition: Condition, context: MatchContext): readonly Node[] {
  switch (condition.kind) {
    case 'method':
      return [line('method', text(condition.method))];
    case 'header':
      return [line('header_regexp', text(condition.name), text(`^${regexpLiteral(condition.value)}$`))];
    case 'headerRegexp':
      return [line('header_regexp', text(condition.name), text(condition.regexp))];
    case 'query':
      return queryLines(condition);
    case 'queryRegexp':
      return queryRegexpLines(condition);
    case 'clientIp':
      return [line('remote_ip', ...condition.cidrs.map(text))];
    case 'alpn':
      throw new RangeError('Cannot match alpn: it is no capability of Caddy');
    case 'host':
      return hostLines(condition.host, context);
    case 'path':
      return pathLines(condition.path, context.dialect);
    case 'not':
      return [block(['not'], conditionLines(condition.condition, context))];
    default:
      throw new TypeError(`Cannot match a condition: ${JSON.stringify(condition satisfies never)}`);
  }
}

/** Two lines of one matcher module would be read as alternatives or overwrite each other: each after the first is negated twice. */
function separate(lines: readonly Node[]): readonly Node[] {
  const seen = new Set<string>();
  return lines.map((node) => {
    const [first] = node.tokens;
    const name = first?.kind === 'word' ? first.word : '';
    if (!seen.has(name)) {
      seen.add(name);
      return node;
    }
    return name === 'not' ? node : block(['not'], [block(['not'], [node])]);
  });
}
