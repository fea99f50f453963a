import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './client.ts';

/** In what two answers differ, with both sides. */
export interface Difference {
  readonly what: 'status' | 'location' | 'pool' | 'path' | 'host' | 'method' | 'body' | 'request header' | 'response header';
  /** The header, where one differs. */
  readonly name?: string;
  readonly peer: string;
  readonly ours: string;
}

/** Headers of answers that middlewares set. */
const RESPONSE_HEADERS = [
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-expose-headers',
  'vary',
  'strict-transport-security',
  'x-frame-options',
  'x-content-type-options',
  'x-xss-protection',
  'content-security-policy',
  'content-security-policy-report-only',
  'referrer-policy',
  'permissions-policy',
  'www-authenticate',
  'content-encoding',
  'content-type',
  'cache-control',
  'set-cookie',
  'server',
  'x-answered',
  'x-backend',
  'x-backend-version',
];

/** Headers that each proxy sets in its own way, with values of its own. */
const OWN_REQUEST_HEADERS = new Set([
  'x-ask',
  'x-traefik-router',
  'host',
  ':authority',
  ':path',
  ':scheme',
  ':method',
  'connection',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-real-ip',
  'via',
  'x-forwarded-host',
  'accept-encoding',
  'content-length',
  'transfer-encoding',
]);

/** The differences of two answers to the same request. Instances are compared by their pools, elsewhere. */
export function differencesOf(peer: Answer, ours: Answer): readonly Difference[] {
  if (peer.status !== ours.status) return [{ what: 'status', peer: told(peer), ours: told(ours) }];
  if (peer.headers.location !== ours.headers.location)
    return [{ what: 'location', peer: peer.headers.location ?? 'none', ours: ours.headers.location ?? 'none' }];
  if ((peer.echo === undefined) !== (ours.echo === undefined)) return [{ what: 'pool', peer: told(peer), ours: told(ours) }];
  return [...requestDifferences(peer, ours), ...responseDifferences(peer.headers, ours.headers, peer.echo !== undefined)];
}

/**
 * Whether two sides answer the same where answers to one request go by turns, because instances of one pool differ: each answer of one side
 * is one of the other's too.
 */
export function isSameByTurns(peer: readonly Answer[], ours: readonly Answer[]): boolean {
  const isAmong = (answer: Answer, others: readonly Answer[]): boolean =>
    others.some((other) => differencesOf(answer, other).length === 0 && answer.echo?.instance === other.echo?.instance);
  return peer.every((answer) => isAmong(answer, ours)) && ours.every((answer) => isAmong(answer, peer));
}

function told({ status, echo }: Answer): string {
  return echo ? `${status} by ${echo.instance}` : `${status}`;
}

function requestDifferences({ echo: peer }: Answer, { echo: ours }: Answer): readonly Difference[] {
  if (!peer || !ours) return [];
  const found: Difference[] = [];
  const compare = (what: Difference['what'], one: string, other: string): void => {
    if (one !== other) found.push({ what, peer: one, ours: other });
  };
  compare('path', peer.path, ours.path);
  // an instance's own address stands for itself; names of hosts have no case
  compare('host', peer.host.toLowerCase().replace(peer.instance, 'instance'), ours.host.toLowerCase().replace(ours.instance, 'instance'));
  compare('method', peer.method, ours.method);
  compare('body', `${peer.bodyBytes}`, `${ours.bodyBytes}`);
  const names = new Set([...Object.keys(peer.headers), ...Object.keys(ours.headers)]);
  for (const name of names) {
    const [one = 'none', other = 'none'] = [peer.headers[name], ours.headers[name]];
    if (!OWN_REQUEST_HEADERS.has(name) && one !== other) found.push({ what: 'request header', name, peer: one, ours: other });
  }
  return found;
}

function responseDifferences(peer: IncomingHttpHeaders, ours: IncomingHttpHeaders, isEcho: boolean): readonly Difference[] {
  return RESPONSE_HEADERS.flatMap((name): readonly Difference[] => {
    // what a proxy says by itself is its own
    if (!isEcho && (name === 'content-type' || name === 'server')) return [];
    // Go's own error answers carry it, whatever the labels say
    if (!isEcho && name === 'x-content-type-options') return [];
    const [one, other] = [headerText(name, peer), headerText(name, ours)];
    return one === other ? [] : [{ what: 'response header', name, peer: one, ours: other }];
  });
}

/** Of cookies only name and attributes: their values name instances. Of challenges all but what is random. */
function headerText(name: string, headers: IncomingHttpHeaders): string {
  const values = [headers[name] ?? 'none'].flat();
  const comparable = (value: string): string => {
    // blanks between the members of a list, and its lines, say nothing (RFC 9110 5.3)
    if (name === 'vary') return value.replace(/\s*,\s*/g, ', ');
    if (name === 'set-cookie') return value.replace(/^([^=]*)=[^;]*/, '$1=…');
    return name === 'www-authenticate' ? value.replace(/(nonce|opaque)="[^"]*"/g, '$1="…"') : value;
  };
  return values.map(comparable).join(', ');
}
