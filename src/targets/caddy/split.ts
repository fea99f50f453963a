import type { Backend, StickyCookie } from '../../model/pool.ts';
import { block, line, text, type Handler } from './ast.ts';
import { cookieAttributes, cookieName } from './cookies.ts';

/** One part of a split with what answers its requests. */
export interface PartHandler {
  readonly weight: number;
  /** The pool it forwards to; absent: it redirects. */
  readonly backend?: Backend;
  readonly handler: Handler;
}

/**
 * Gives each request to one part by weight: by chance, by what a cookie says where one of the pools keeps its clients, by the client's
 * address where all pools choose by it. The parts are asked in their order, so that each needs the end of its share only, and the last one
 * takes what is left. Each is a `route` of its own: Caddy would not rewrite twice in one.
 */
export function splitHandler(name: string, parts: readonly PartHandler[]): Handler {
  const { chooser, patternOf } = choiceOf(name, parts);
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const ends = parts.map((_, index) => parts.slice(0, index + 1).reduce((sum, { weight }) => sum + weight, 0) / total);
  const shares = parts
    .slice(0, -1)
    .map((_, index) => line(`@${name}p${index}`, 'vars_regexp', chooser.key, text(patternOf(ends[index] ?? 1))));
  return {
    matchers: [...chooser.handler.matchers, ...shares, ...parts.flatMap(({ handler }) => handler.matchers)],
    directives: [
      ...chooser.handler.directives,
      ...parts.map(({ handler }, index) => block(['route', ...(index < shares.length ? [`@${name}p${index}`] : [])], handler.directives)),
    ],
    failures: parts.flatMap(({ handler }) => handler.failures ?? []),
  };
}

/** What requests are told apart by, and the expression for those that lie in the first part of them, 0–1. */
interface Choice {
  readonly chooser: { readonly key: string; readonly handler: Handler };
  readonly patternOf: (share: number) => string;
}

function choiceOf(name: string, parts: readonly PartHandler[]): Choice {
  const pools = parts.flatMap(({ backend }) => backend ?? []);
  const kept = pools.find(({ sticky }) => sticky);
  if (kept?.sticky) return { chooser: byCookie(name, { sticky: kept.sticky, id: kept.id }), patternOf: hexBelow };
  const hashed = pools.length === parts.length && pools.every(({ loadBalancing }) => loadBalancing === 'ipHash');
  return hashed
    ? { chooser: { key: '{http.request.remote.host}', handler: NOTHING }, patternOf: addressBelow }
    : { chooser: { key: '{http.request.uuid}', handler: NOTHING }, patternOf: hexBelow };
}

const NOTHING: Handler = { matchers: [], directives: [] };

/** The cookie holds the number that chance has given to the client, whatever the parts are. */
function byCookie(name: string, { sticky, id }: { readonly sticky: StickyCookie; readonly id: string }): Choice['chooser'] {
  const cookie = `${partName(id, sticky)}-part`;
  const sent = `{http.request.cookie.${cookie}}`;
  const known = line('vars_regexp', sent, text(`^[0-9a-f]{${DIGITS}}`));
  return {
    key: `${name}part`,
    handler: {
      matchers: [block([`@${name}known`], [known]), block([`@${name}new`], [block(['not'], [known])])],
      directives: [
        line('vars', `@${name}known`, `${name}part`, sent),
        line('vars', `@${name}new`, `${name}part`, '{http.request.uuid}'),
        line('header', `@${name}new`, '+Set-Cookie', text(`${cookie}={http.request.uuid}${cookieAttributes(sticky)}`)),
      ],
    },
  };
}

/** A placeholder has no place for every name that a cookie may have. */
function partName(id: string, sticky: StickyCookie): string {
  const name = cookieName(id, sticky);
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : cookieName(id, {});
}

/** So many digits tell shares apart of one in 16 million. */
const DIGITS = 6;

/** What begins with a hexadecimal number in this share of all numbers. */
function hexBelow(share: number): string {
  return `^(?:${hexPatterns(endOf(share, 16 ** DIGITS), DIGITS).join('|')})`;
}

/** The beginnings of the numbers of so many digits below an end. */
function hexPatterns(end: number, digits: number): readonly string[] {
  const size = 16 ** (digits - 1);
  const whole = Math.floor(end / size);
  const rest = end - whole * size;
  return [
    ...(whole === 0 ? [] : [digitsBelow(whole)]),
    ...(rest === 0 ? [] : hexPatterns(rest, digits - 1).map((pattern) => `${whole.toString(16)}${pattern}`)),
  ];
}

function digitsBelow(end: number): string {
  return `[${'0123456789abcdef'.slice(0, end)}]`;
}

/** The IPv4 addresses whose last byte, and the IPv6 addresses whose last digit, lies in this share of all. */
function addressBelow(share: number): string {
  const bytes = Array.from({ length: endOf(share, 256) }, (_, byte) => byte).join('|');
  return `(?:\\.(?:${bytes})|:[0-9a-f]*${digitsBelow(endOf(share, 16))})$`;
}

/** How many of all possible values a share takes: at least one, so that no part is without. */
function endOf(share: number, count: number): number {
  return Math.max(1, Math.round(share * count));
}
