import { parseIp } from '../../../lib/ip.ts';
import { nearest } from '../../../lib/nearest.ts';
import { regexpLiteral } from '../../../lib/quote.ts';
import { regexpProblem } from '../../../lib/regexp.ts';
import { ANY_HOST, exactHost, exactPath, pathPrefix, type Condition, type HostMatch, type PathMatch } from '../../../model/match.ts';
import { parseHostname } from '../../../model/names.ts';
import { blockOf } from '../middlewares/addresses.ts';
import type { RuleProblem, RuleToken } from './lexer.ts';
import { anyOf, fromOldHostRegexp } from './older.ts';
import type { Call } from './parser.ts';

/** What one matcher asks. */
export type Atom =
  | { readonly kind: 'host'; readonly host: HostMatch }
  | { readonly kind: 'path'; readonly path: PathMatch }
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'never' };

/** Which muxer a rule belongs to. */
export type RuleKind = 'http' | 'tcp';

type MatcherName = (typeof HTTP)[number] | (typeof TCP)[number];

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
] as const;
const TCP = ['HostSNI', 'HostSNIRegexp', 'ClientIP', 'ALPN'] as const;
const OLD = new Map([
  ['headers', 'Header'],
  ['headersregexp', 'HeaderRegexp'],
  ['hostheader', 'Host'],
  ['pathstrip', 'PathPrefix'],
  ['pathprefixstrip', 'PathPrefix'],
]);
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^`|~_-]+$/;

/** The matcher that a call names, as in the manual, all lower, all upper or with one capital; undefined where there is none. */
export function matcherName({ name }: Call, kind: RuleKind): MatcherName | undefined {
  return (kind === 'http' ? HTTP : TCP).find((known) => spellings(known).includes(name.text));
}

/** Reads one matcher of a rule. Where it can never match, as in Traefik, that is a `TRAEFIK_RULE_NEVER`. */
export function readMatcher(call: Call, kind: RuleKind): Atom | RuleProblem {
  const canonical = matcherName(call, kind);
  if (canonical === undefined) return unknownMatcher(call, kind);
  const most = /^(?:Header|HeaderRegexp|Query|QueryRegexp)$/.test(canonical) ? 2 : 1;
  const extra = call.args[most];
  if (extra) {
    const message = `Cannot read ${canonical}: more than ${most} value${most > 1 ? 's' : ''}`;
    const texts = call.args.map(({ text }) => text);
    return problem('TRAEFIK_RULE_V2', message, extra, most > 1 ? 'Join several matchers with &&' : `Write ${anyOf(canonical, texts)}`);
  }
  const [first, second] = call.args;
  const empty = call.args.find(({ text }) => text === '');
  if (!first || empty) return problem('TRAEFIK_RULE_SYNTAX', `Cannot read ${canonical}: it has no value`, empty ?? call);
  return matcher(canonical, { first, second, call });
}

function unknownMatcher({ name }: Call, kind: RuleKind): RuleProblem {
  const old = OLD.get(name.text.toLowerCase());
  if (old !== undefined)
    return problem('TRAEFIK_RULE_V2', `Cannot read matcher "${name.text}": it is of Traefik 1 or 2`, name, `Write ${old}`);
  const near = nearest(name.text, kind === 'http' ? HTTP : TCP);
  const message = `Cannot read matcher "${name.text}": there is none of that name`;
  return problem('TRAEFIK_RULE_SYNTAX', message, name, near && `Did you mean ${near}?`);
}

interface Arguments {
  readonly first: RuleToken;
  readonly second: RuleToken | undefined;
  readonly call: Call;
}

function matcher(name: MatcherName, { first, second, call }: Arguments): Atom | RuleProblem {
  const { text } = first;
  switch (name) {
    case 'Host':
      return host(first);
    case 'HostSNI':
      return text.includes(':') ? never(first, `"${text}" is no server name`) : host(first);
    case 'HostRegexp':
    case 'HostSNIRegexp':
      return hostRegexp(first);
    case 'Path':
    case 'PathPrefix':
      return path(first, name === 'Path' ? exactPath : pathPrefix);
    case 'PathRegexp':
      return regexp(first, (pattern) => ({ kind: 'path', path: { kind: 'regexp', regexp: pattern } }));
    case 'Method':
      if (!TOKEN.test(text)) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match method "${text}": it is no method`, first);
      return condition({ kind: 'method', method: text.toUpperCase() });
    case 'Header':
    case 'HeaderRegexp':
      return header(name, { first, second, call });
    case 'Query':
      return condition({ kind: 'query', key: text, value: second?.text ?? '' });
    case 'QueryRegexp':
      if (!second) return condition({ kind: 'query', key: text, value: '' });
      return regexp(second, (pattern) => ({ kind: 'condition', condition: { kind: 'queryRegexp', key: text, regexp: pattern } }));
    case 'ClientIP': {
      const block = blockOf(text);
      if (block === undefined)
        return problem('TRAEFIK_RULE_SYNTAX', `Cannot match address "${text}": it is no address and no CIDR block`, first);
      return condition({ kind: 'clientIp', cidrs: [block] });
    }
    case 'ALPN':
      if (!/^[!-~]{1,255}$/.test(text) || text === 'acme-tls/1')
        return problem('TRAEFIK_RULE_SYNTAX', `Cannot match protocol "${text}": it is none that a router may take`, first);
      return condition({ kind: 'alpn', protocols: [text] });
    default:
      throw new TypeError(`Cannot read a matcher: ${JSON.stringify(name satisfies never)}`);
  }
}

/** A host, compared without its port. `*` is everything, `*.x` one whole label before x; a trailing dot means nothing. */
function host(token: RuleToken): Atom | RuleProblem {
  const lower = token.text.toLowerCase();
  if (lower === '*') return { kind: 'host', host: ANY_HOST };
  // a request has its IPv6 address without brackets when hosts are compared
  if (lower.includes(':'))
    return parseIp(lower) ? exact(`[${lower}]`, token) : never(token, 'ports and brackets are cut off before hosts are compared');
  const text = lower.replace(/\.$/, '');
  const glob = text.startsWith('*.');
  const name = parseHostname(glob ? text.slice(2) : text);
  if (text.includes('*') && (!glob || text.indexOf('*', 1) > 0))
    return never(token, '`*` stands for one whole label at the beginning only');
  if (name === undefined) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match host "${token.text}": it is no host name`, token);
  if (!glob) return exact(text, token);
  return { kind: 'host', host: { kind: 'glob', pattern: text, regexp: `^[^.]+\\.${regexpLiteral(name)}$`, port: 'any' } };
}

function exact(text: string, token: RuleToken): Atom | RuleProblem {
  const name = parseHostname(text);
  return name === undefined
    ? problem('TRAEFIK_RULE_SYNTAX', `Cannot match host "${token.text}": it is no host name`, token)
    : { kind: 'host', host: exactHost(name) };
}

/** Hosts are lower-case when they are compared, so a capital letter matches none. */
function hostRegexp(token: RuleToken): Atom | RuleProblem {
  if (/\{[A-Za-z]\w*(?::[^}]*)?\}/.test(token.text)) {
    const hint = `Write HostRegexp(\`${fromOldHostRegexp(token.text)}\`)`;
    return problem('TRAEFIK_RULE_V2', 'Cannot read HostRegexp: `{name:regexp}` is of Traefik 2', token, hint);
  }
  const bare = token.text.replace(/\\.|\[(?:\\.|[^\\\]])*\]/g, '');
  if (/[A-Z]/.test(bare)) return never(token, 'hosts are lower-case when they are compared', 'Write the expression in lower case');
  return regexp(token, (pattern) => ({ kind: 'host', host: { kind: 'regexp', regexp: pattern } }));
}

function path(token: RuleToken, make: (path: string) => PathMatch): Atom | RuleProblem {
  const { text } = token;
  if (/^\/.*(?:\{|\})/.test(text))
    return problem('TRAEFIK_RULE_V2', `Cannot match path "${text}": \`{name}\` is of Traefik 2`, token, 'Write PathRegexp');
  if (!/^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/.test(text) || /%(?:2e|2f|5c|00)/i.test(text))
    return problem('TRAEFIK_RULE_SYNTAX', `Cannot match path "${text}": expected "/" and characters of a clean path`, token);
  if (/\/\/|\/\.{1,2}(?:\/|$)/.test(text)) return never(token, 'paths are cleaned before they are compared');
  return { kind: 'path', path: make(text) };
}

function header(name: 'Header' | 'HeaderRegexp', { first, second, call }: Arguments): Atom | RuleProblem {
  if (!second) return problem('TRAEFIK_RULE_SYNTAX', `Cannot read ${name}: it has one value, expected two`, call);
  if (!TOKEN.test(first.text)) return problem('TRAEFIK_RULE_SYNTAX', `Cannot match header "${first.text}": it is no header name`, first);
  if (/^host$/i.test(first.text)) return never(first, 'Host is none of the headers that are compared', 'Write Host(`example.com`)');
  if (name === 'Header') return condition({ kind: 'header', name: first.text, value: second.text });
  return regexp(second, (pattern) => ({ kind: 'condition', condition: { kind: 'headerRegexp', name: first.text, regexp: pattern } }));
}

function regexp(token: RuleToken, make: (pattern: string) => Atom): Atom | RuleProblem {
  const wrong = regexpProblem(token.text);
  return wrong === undefined
    ? make(token.text)
    : problem('TRAEFIK_REGEX_REFUSED', `Cannot use regular expression "${token.text}": ${wrong}`, token);
}

function condition(value: Condition): Atom {
  return { kind: 'condition', condition: value };
}

function spellings(name: string): readonly string[] {
  const lower = name.toLowerCase();
  return [name, lower, name.toUpperCase(), `${lower.charAt(0).toUpperCase()}${lower.slice(1)}`];
}

function never(token: RuleToken, reason: string, hint?: string): RuleProblem {
  return problem('TRAEFIK_RULE_NEVER', `"${token.text}" never matches: ${reason}`, token, hint);
}

function problem(
  code: RuleProblem['code'],
  message: string,
  { start, end }: { readonly start: number; readonly end: number },
  hint?: string,
): RuleProblem {
  return { code, message, start, end, ...(hint !== undefined && { hint }) };
}
