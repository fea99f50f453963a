import { requestUri, type GoUrl } from '../../lib/go-url.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import type { Route } from '../../model/route.ts';
import { middlewaresOf } from '../features.ts';
import { block, line, text, type Node } from './ast.ts';

/*
 * Instances get the cleaned path (Fabio, Traefik). A rewrite decodes the path and encodes it anew: only a path that needs it is rewritten,
 * and none that holds something which would read differently then. For Traefik's the path is cleaned as it was sent, and what must stay
 * encoded is so twice more while it is rewritten.
 */

/** Paths with two slashes in a row or a dot segment once they are decoded. */
const DIRTY = '(?i)^[^?]*(/|%2f)(/|%2f|(\\.|%2e){1,2}(/|%2f|\\?|$))';
/** The same where slashes that are encoded are none. */
const UNCLEAN = '(?i)^[^?]*(//|/(\\.|%2e){1,2}(/|\\?|$))';
/** An encoded question mark or percent sign. */
export const AMBIGUOUS: string = '(?i)^[^?]*%(3f|25)';
/** An encoded letter, digit or one of `-._~`, or an escape in small letters: Traefik hands on none of those. */
const ENCODED_ANEW = '^[^?]*%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe]|[0-9A-Fa-f][a-f]|[a-f][0-9A-Fa-f])';
/** What Traefik leaves encoded, and Go would not encode, or read differently. */
const RESERVED = '(2[1-9abcf]|3[abdf]|40|5[bd])';
/** Paths with one of them. */
export const KEEPS_ENCODED: string = `(?i)^[^?]*%${RESERVED}`;
/** What Traefik leaves as it is, and Go would encode. */
const BARE = "^[^?]*([!'()*]|\\[|\\])";
/** A query with semicolons behind a path without. */
const SEMICOLONS = '^[^?;]*\\?.*;';
/** The same behind a path that may have some, but no encoded one: those of the path can be encoded for as long as those of the query go. */
const SEMICOLONS_OF_BOTH = '(?i)^([^?%]|%[^3]|%3[^b])*\\?.*;';

/** Encodes twice more what must stay encoded, which a rewrite decodes twice and encodes once; and takes away what is left of that. */
const KEPT = { find: `(?i)%${RESERVED}`, replace: '%2525$1' };
const RESTORED = { find: `(?i)%25${RESERVED}`, replace: '%$1' };

/** Path and query as they were sent. */
export const URI = '{http.request.uri}';

/** The named route that a route invokes before its middlewares. */
export function cleaningOf(route: Pick<Route, 'dialect' | 'middlewares' | 'action'>): string {
  if (route.dialect !== 'traefik') return 'clean';
  return splitsLate(route) ? 'canonical-path' : 'canonical';
}

/** The named route that does what `canonical-path` leaves, for what stands behind the middlewares. */
export const SPLITTING = 'ampersands';

/** Whether a middleware looks at the query as it was sent, and none at how the path was encoded. */
export function splitsLate(route: Pick<Route, 'dialect' | 'middlewares' | 'action'>): boolean {
  if (route.dialect !== 'traefik') return false;
  const kinds = new Set(middlewaresOf(route).map(({ kind }) => kind));
  return (kinds.has('redirectScheme') || kinds.has('redirectRegexp')) && !kinds.has('encodedCharacters');
}

/**
 * The named routes that put URLs into the form that instances get. `canonical` is Traefik's: characters that need no escape have none, and
 * semicolons in the query are ampersands (traefik/traefik:pkg/server/server_entrypoint_tcp.go), but not yet for its redirects.
 */
export function cleaningRoutes(routes: readonly Route[]): readonly Node[] {
  const dirty = block(
    ['@dirty'],
    [
      line('vars_regexp', URI, text(DIRTY)),
      block(['not'], [line('vars_regexp', URI, text(AMBIGUOUS))]),
      line('path_regexp', 'clean', text('^(.*)$')),
    ],
  );
  const rewrite = (matcher: string): Node => line('rewrite', matcher, text('{re.clean.1}'));
  const clean = block(['&(clean)'], [dirty, rewrite('@dirty')]);
  if (!routes.some(({ dialect }) => dialect === 'traefik')) return [clean];
  const unclean = line('@unclean', 'vars_regexp', URI, text(UNCLEAN));
  const encoded = block(
    ['@encoded'],
    [line('vars_regexp', URI, text(ENCODED_ANEW)), block(['not'], [line('vars_regexp', URI, text(BARE))])],
  );
  const decoded = line('@decoded', 'path_regexp', 'clean', text('(?s)^(.*)$'));
  const semicolons = line('@semicolons', 'vars_regexp', URI, text(SEMICOLONS));
  const ofBoth = line('@semicolonsOfBoth', 'vars_regexp', URI, text(SEMICOLONS_OF_BOTH));
  const split = (matcher: string): Node => line('uri', matcher, 'replace', text(';'), text('&'));
  const inPath = (from: string, to: string): Node => line('uri', '*', 'path_regexp', text(from), text(to));
  const path = [
    // what cuts the end of a path cleans it first, and no clean path ends so
    block(['route', '@unclean'], [inPath('(?i)%2e', '.'), line('uri', '*', 'strip_suffix', '/.')]),
    block(['route', '@encoded'], [inPath(KEPT.find, KEPT.replace), rewrite('@decoded'), inPath(RESTORED.find, RESTORED.replace)]),
  ];
  const query = [split('@semicolons'), block(['route', '@semicolonsOfBoth'], [inPath(';', '%3B'), split('*'), inPath('%3B', ';')])];
  const named = (name: string, ...nodes: readonly Node[]): Node => block([`&(${name})`], nodes);
  return [
    clean,
    named('canonical', unclean, encoded, decoded, semicolons, ofBoth, block(['route'], [...path, ...query])),
    ...(routes.some(splitsLate)
      ? [
          named('canonical-path', unclean, encoded, decoded, block(['route'], path)),
          named(SPLITTING, semicolons, ofBoth, block(['route'], query)),
        ]
      : []),
  ];
}

/** Whether `clean` rewrites a path. Here as below `uri` is path and query as sent. */
export function isDirty(uri: string): boolean {
  return holds(uri, DIRTY) && !holds(uri, AMBIGUOUS);
}

/** Whether what was sent of a path stands for another one than Fabio looks at: it is dirty, or would be read differently once more. */
export function isReread(uri: string): boolean {
  return holds(uri, DIRTY) || holds(uri, AMBIGUOUS);
}

/** Whether `canonical` cleans a path. */
export function isUnclean(uri: string): boolean {
  return holds(uri, UNCLEAN);
}

/** Whether a path has reserved characters that are encoded. */
export function keepsEncoded(uri: string): boolean {
  return holds(uri, KEEPS_ENCODED);
}

/** Whether `canonical` decodes a path and encodes it anew. */
export function isEncodedAnew(uri: string): boolean {
  return holds(uri, ENCODED_ANEW) && !holds(uri, BARE);
}

/** An encoded path in which what must stay encoded outlasts a rewrite. */
export function keptEncoded(path: string): string {
  return compileRegexp(KEPT.find).replaceAll(path, KEPT.replace);
}

/** The same after the rewrite. */
export function restored(path: string): string {
  return compileRegexp(RESTORED.find).replaceAll(path, RESTORED.replace);
}

/** A URL with the semicolons of its query replaced, where `canonical` replaces them. */
export function splitQuery(url: GoUrl): GoUrl {
  const { query } = url;
  return query !== undefined && isSplitAnew(requestUri(url)) ? { ...url, query: query.replaceAll(';', '&') } : url;
}

/** Whether `canonical` replaces the semicolons of a query. */
function isSplitAnew(uri: string): boolean {
  return holds(uri, SEMICOLONS) || holds(uri, SEMICOLONS_OF_BOTH);
}

function holds(uri: string, regexp: string): boolean {
  return compileRegexp(regexp).test(uri);
}
