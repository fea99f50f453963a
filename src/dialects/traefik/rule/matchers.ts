import { parseCidr } from '../../../lib/ip.ts';
import { nearest } from '../../../lib/nearest.ts';
import { regexpLiteral } from '../../../lib/quote.ts';
import { regexpProblem } from '../../../lib/regexp.ts';
import { ANY_HOST, exactHost, exactPath, pathPrefix, type Condition, type HostMatch, type PathMatch } from '../../../model/match.ts';
import { parseHostname } from '../../../model/names.ts';
import type { RuleProblem, RuleToken } from './lexer.ts';
import type { Call } from './parser.ts';

/** What one matcher asks. */
export type Atom =
  | { readonly kind: 'host'; readonly host: HostMatch }
  | { readonly kind: 'path'; readonly path: PathMatch }
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'never' };

/** Which muxer a rule belongs to. */
export type RuleKind = 'http' | 'tcp';

const HTTP = [
  'Host',
  'HostRegexp',
  'Path',
  'PathPrefix',
  'PathRegexp',
  'Method',
  'Header',
  'HeaderRegexp',
  'Query',
  'QueryRegexp',
  'ClientIP',
];
const TCP = ['HostSNI', 'HostSNIRegexp', 'ClientIP', 'ALPN'];
const OLD = new Map([
  ['headers', 'Header'],
  ['headersregexp', 'HeaderRegexp'],
  ['hostheader', 'Host'],
  ['pathstrip', 'PathPrefix'],
  ['pathprefixstrip', 'PathPrefix'],
]);
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^`|~-]+$/;

/** Reads one matcher of a rule; names are written as in the manual, all lower, all upper or with one capital. */
export function readMatcher(call: Call, kind: RuleKind): Atom | RuleProblem {
  const { name } = call;
  const names = kind === 'http' ? HTTP : TCP;
  const canonical = names.find((known) => spellings(known).includes(name.text));
  if (canonical === undefined) {
    const old = OLD.get(name.text.toLowerCase());
    if (old !== undefined)
      return problem('TRAEFIK_RULE_V2', `Cannot read matcher "${name.text}": it is of Traefik 1 or 2`, name, `Write ${old}`);
    const near = nearest(name.text, names);
    return problem(
      'TRAEFIK_RULE_SYNTAX',
      `Cannot read matcher "${name.text}": there is none of that name`,
      name,
      near && `Did you mean ${near}?`,
    );
  }
  const most = /^(Header|HeaderRegexp|Query|QueryRegexp)$/.test(canonical) ? 2 : 1;
  const extra = call.args[most];
  if (extra)
    return problem(
      'TRAEFIK_RULE_V2',
      `Cannot read ${canonical}: more than ${most} value${most > 1 ? 's' : ''}`,
      extra,
      'Join several matchers with ||',
    );
  const [first, second] = call.args;
  if (!first) return problem('TRAEFIK_RULE_SYNTAX', `Cannot read ${canonical}: it has no value`, call);
  return matcher(canonical, { first, second, call });
}

interface Arguments {
  readonly first: RuleToken;
  readonly second: RuleToken | undefined;
  readonly call: Call;
}

function matcher(name: string, { first, second, call }: Arguments): Atom | RuleProblem {
  const { text } = first;
  switch (name) {
    case 'Host':
    case 'HostSNI':
      return host(first);
    case 'HostRegexp':
      if (/\{[A-Za-z]\w*:/.test(text))
        return problem(
          'TRAEFIK_RULE_V2',
          'Cannot read HostRegexp: `{name:regexp}` is of Traefik 2',
          first,
          'Write the bare regular expression',
        );
      return regexp(first, (pattern) => ({ kind: 'host', host: { kind: 'regexp', regexp: lowerCased(pattern) } }));
    case 'Path':
    case 'PathPrefix':
      if (!isPath(text))
        return problem('TRAEFIK_RULE_SYNTAX', `Cannot match path "${text}": expected "/" and characters of a clean path`, first);
      return { kind: 'path', path: name === 'Path' ? exactPath(text) : pathPrefix(text) };
    case 'PathRegexp':
      return regexp(first, (pattern) => ({ kind: 'path', path: { kind: 'regexp', regexp: pattern } }));
    case 'Method':
      if (!TOKEN.test(text)) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match method "${text}": it is no method`, first);
      return condition({ kind: 'method', method: text.toUpperCase() });
    case 'Header':
    case 'HeaderRegexp':
      if (!second) return problem('TRAEFIK_RULE_SYNTAX', `Cannot read ${name}: it has one value, expected two`, call);
      if (!TOKEN.test(text)) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match header "${text}": it is no header name`, first);
      if (name === 'Header') return condition({ kind: 'header', name: text, value: second.text });
      return regexp(second, (pattern) => ({ kind: 'condition', condition: { kind: 'headerRegexp', name: text, regexp: pattern } }));
    case 'Query':
      return condition(second ? { kind: 'query', key: text, value: second.text } : { kind: 'query', key: text });
    case 'ClientIP':
      if (!parseCidr(text))
        return problem('TRAEFIK_RULE_SYNTAX', `Cannot match address "${text}": it is no address and no CIDR block`, first);
      return condition({ kind: 'clientIp', cidrs: [text] });
    default:
      return problem('TRAEFIK_RULE_UNSERVED', `Cannot serve matcher ${name}: it is not served, the router gets no route`, call);
  }
}

function host(token: RuleToken): Atom | RuleProblem {
  const text = token.text.toLowerCase().replace(/\.$/, '');
  if (text === '*') return { kind: 'host', host: ANY_HOST };
  if (/^[^:]+:\d+$/.test(text))
    return problem('TRAEFIK_RULE_NEVER', `Host "${token.text}" never matches: ports are cut off before hosts are compared`, token);
  const glob = text.startsWith('*.');
  const name = parseHostname(glob ? text.slice(2) : text);
  if (name === undefined) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match host "${token.text}": it is no host name`, token);
  if (!glob) return { kind: 'host', host: exactHost(name) };
  return { kind: 'host', host: { kind: 'glob', pattern: text, regexp: `^[^.]+\\.${regexpLiteral(name)}$`, port: 'any' } };
}

function regexp(token: RuleToken, make: (pattern: string) => Atom): Atom | RuleProblem {
  const wrong = regexpProblem(token.text);
  return wrong === undefined
    ? make(token.text)
    : problem('TRAEFIK_REGEX_REFUSED', `Cannot use regular expression "${token.text}": ${wrong}`, token);
}

function lowerCased(pattern: string): string {
  return pattern.replace(/\\.|[A-Z]+/g, (part) => (part.startsWith('\\') ? part : part.toLowerCase()));
}

function isPath(text: string): boolean {
  if (!/^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/.test(text)) return false;
  return !/\/\/|\/\.{1,2}(?:\/|$)|%(?:2e|2f|5c|00)/i.test(text);
}

function condition(value: Condition): Atom {
  return { kind: 'condition', condition: value };
}

function spellings(name: string): readonly string[] {
  const lower = name.toLowerCase();
  return [name, lower, name.toUpperCase(), `${lower.charAt(0).toUpperCase()}${lower.slice(1)}`];
}

function problem(
  code: RuleProblem['code'],
  message: string,
  { start, end }: { readonly start: number; readonly end: number },
  hint?: string,
): RuleProblem {
  return { code, message, start, end, ...(hint !== undefined && { hint }) };
}
