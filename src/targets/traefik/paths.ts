import { regexpLiteral } from '../../lib/quote.ts';
import type { PathMatch } from '../../model/match.ts';
import type { DialectName } from '../../model/route.ts';
import { call, filled, type Rule } from './rule.ts';

/**
 * The rule of a path. Traefik compares with a path in which reserved characters are still encoded where the client sent them so
 * (traefik/traefik:pkg/muxer/http/mux.go withRoutingPath). A Traefik tag means just that; the others mean the decoded path, so that both
 * spellings count for them. Encoded slashes stay apart for all.
 */
export function pathRules(path: PathMatch, dialect: DialectName): readonly Rule[] {
  switch (path.kind) {
    case 'any':
      return [];
    case 'exact':
    case 'prefix':
      return [textRule(path, dialect)];
    case 'regexp':
      return [call('PathRegexp', filled(path.regexp))];
    default:
      throw new TypeError(`Cannot render a path match: ${JSON.stringify(path satisfies never)}`);
  }
}

function textRule({ kind, path, ignoreCase }: Extract<PathMatch, { kind: 'exact' | 'prefix' }>, dialect: DialectName): Rule {
  const decoded = dialect !== 'traefik';
  if (!ignoreCase && !(decoded && AMBIGUOUS.test(path)))
    return call(kind === 'exact' ? 'Path' : 'PathPrefix', decoded ? path.replace(ENCODED_ONLY, percent) : path);
  const spelled = path.replace(/[^]/g, (char) => (decoded ? spellings(char) : regexpLiteral(char)));
  return call('PathRegexp', `${ignoreCase ? '(?i)' : ''}^${spelled}${kind === 'exact' ? '$' : ''}`);
}

/** Reserved characters that a path can hold as they are or encoded, and those that it can hold encoded only. */
const AMBIGUOUS = /[:[\]@!$&'()*+,;=]/;
const ENCODED_ONLY = /[%?#]/g;

/** A decoded character as a part of a regular expression for Traefik's path. */
function spellings(char: string): string {
  if (/[%?#]/.test(char)) return percent(char);
  return AMBIGUOUS.test(char) ? `(?:${regexpLiteral(char)}|${percent(char)})` : regexpLiteral(char);
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
