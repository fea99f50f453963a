import { regexpProblem } from '../../lib/regexp.ts';
import type { DiagnosticCode } from '../../model/codes.ts';
import type { TagSpan } from '../../model/diagnostic.ts';
import type { HeaderValue, Middleware } from '../../model/middleware.ts';
import { parseHostname, parsePort } from '../../model/names.ts';
import type { Fault, Reference } from '../../model/intent.ts';
import type { UpstreamHost } from '../../model/pool.ts';
import type { Item, Label } from './labels.ts';

/** Reports a problem of a label. */
export type Tell = (code: DiagnosticCode, message: string, span: TagSpan, hint?: string) => void;

/** What a list of middlewares comes to. */
export interface ReadMiddlewares {
  readonly middlewares: readonly (Middleware | Reference)[];
  readonly upstreamHost?: UpstreamHost;
  readonly fault?: Fault;
}

const UNENFORCED =
  /^(?:basicauth|digestauth|ipallowlist|ipwhitelist|ratelimit|inflightreq|inflightconn|passtlsclientcert|encodedcharacters)$/;
const HARMLESS = /^(?:compress|retry|buffering|circuitbreaker|errors|contenttype|grpcweb)$/;
const REFUSED_HEADER =
  /^(?:x-forwarded-.*|x-real-ip|forwarded|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|authorization|set-cookie|content-length|.*_.*)$/i;
const RESPONSE = new Map([
  ['referrerpolicy', 'Referrer-Policy'],
  ['contentsecuritypolicy', 'Content-Security-Policy'],
  ['permissionspolicy', 'Permissions-Policy'],
  ['customframeoptionsvalue', 'X-Frame-Options'],
]);
const protective = (code: DiagnosticCode): ReadMiddlewares => ({ middlewares: [], fault: { kind: 'protective', code } });
const quarantined = (code: DiagnosticCode): ReadMiddlewares => ({ middlewares: [], fault: { kind: 'quarantined', code } });

/** Reads one middleware declared by labels. A protecting one that is not enforced withholds the routes that use it. */
export function readMiddleware(item: Item, tell: Tell): ReadMiddlewares {
  const labels = [...item.fields];
  const [first] = labels;
  if (!first) return quarantined('TRAEFIK_LABEL_VALUE');
  const span = first[1].valueSpan;
  const types = new Set(labels.map(([field]) => field.split('.')[0] ?? ''));
  const guard = [...types].find((type) => UNENFORCED.test(type));
  const refused = [...types].find((type) => type === 'forwardauth' || type === 'plugin');
  if (refused !== undefined || labels.some(([field]) => field.endsWith('.usersfile'))) {
    tell(
      'TRAEFIK_FEATURE_REFUSED',
      `Cannot use middleware "${item.name}": labels may not define ${refused ?? 'usersFile'}; its routes answer 503`,
      span,
    );
    return protective('TRAEFIK_FEATURE_REFUSED');
  }
  if (guard !== undefined) {
    tell(
      'TRAEFIK_PROTECTION_UNSERVED',
      `Cannot enforce ${guard} of middleware "${item.name}": it is not served, its routes answer 503`,
      span,
    );
    return protective('TRAEFIK_PROTECTION_UNSERVED');
  }
  if (item.twice) {
    tell('TRAEFIK_NAME_TWICE', `Cannot use middleware "${item.name}": one label has two values`, item.twice.valueSpan);
    return protective('TRAEFIK_NAME_TWICE');
  }
  const [type = ''] = types;
  if (types.size > 1) {
    tell('TRAEFIK_LABEL_VALUE', `Cannot use middleware "${item.name}": it has ${types.size} types, expected one`, span);
    return protective('TRAEFIK_LABEL_VALUE');
  }
  if (HARMLESS.test(type)) {
    tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve ${type} of middleware "${item.name}": its routes are served without it`, span);
    return { middlewares: [] };
  }
  if (type === 'headers') return readHeaders(labels, tell);
  const read = simple(type, item, tell);
  if (read !== undefined) return read;
  tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve "${type}" of middleware "${item.name}": its routes answer 503`, span);
  return protective('TRAEFIK_LABEL_UNSERVED');
}

function simple(type: string, { fields, name }: Item, tell: Tell): ReadMiddlewares | undefined {
  const known = new Map([
    ['stripprefix', ['prefixes', 'forceslash']],
    ['addprefix', ['prefix']],
    ['redirectscheme', ['scheme', 'port', 'permanent']],
    ['redirectregex', ['regex', 'replacement', 'permanent']],
  ]).get(type);
  if (!known) return undefined;
  for (const [field, label] of fields)
    if (!known.some((option) => field === `${type}.${option}`))
      tell('TRAEFIK_LABEL_UNKNOWN', `Middleware "${name}" has no option "${field}"; it is served without`, label.valueSpan);
  const text = (option: string): string => fields.get(`${type}.${option}`)?.value ?? '';
  const bad = (option: string, expected: string): ReadMiddlewares => {
    const label = fields.get(`${type}.${option}`) ?? [...fields.values()][0];
    if (label) tell('TRAEFIK_LABEL_VALUE', `Cannot use "${label.value}" as ${option}, expected ${expected}`, label.valueSpan);
    return quarantined('TRAEFIK_LABEL_VALUE');
  };
  const permanent = parseBool(text('permanent') || 'false');
  if (permanent === undefined) return bad('permanent', 'true or false');
  const slashed = (path: string): string => (path.startsWith('/') ? path : `/${path}`);
  const isPath = (path: string): boolean => /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/.test(path);
  if (type === 'stripprefix') {
    const prefixes = listOf(text('prefixes')).map(slashed);
    return prefixes.length > 0 && prefixes.every(isPath) ? { middlewares: [{ kind: 'stripPrefix', prefixes }] } : bad('prefixes', 'paths');
  }
  if (type === 'addprefix') {
    const prefix = slashed(text('prefix'));
    return text('prefix') !== '' && isPath(prefix) ? { middlewares: [{ kind: 'addPrefix', prefix }] } : bad('prefix', 'a path');
  }
  if (type === 'redirectscheme') {
    const scheme = text('scheme').toLowerCase();
    if (scheme !== 'http' && scheme !== 'https') return bad('scheme', 'http or https');
    const port = text('port') === '' ? undefined : parsePort(text('port'));
    if (text('port') !== '' && port === undefined) return bad('port', '1 to 65535');
    return { middlewares: [{ kind: 'redirectScheme', scheme, permanent, ...(port !== undefined && { port }) }] };
  }
  const regexp = text('regex');
  const wrong = regexpProblem(regexp);
  const label = fields.get('redirectregex.regex');
  if (wrong !== undefined && label) {
    tell('TRAEFIK_REGEX_REFUSED', `Cannot use regular expression "${regexp}": ${wrong}`, label.valueSpan);
    return quarantined('TRAEFIK_REGEX_REFUSED');
  }
  if (regexp === '' || text('replacement') === '') return bad('replacement', 'a regex and a replacement');
  return { middlewares: [{ kind: 'redirectRegexp', regexp, replacement: text('replacement'), permanent }] };
}

function readHeaders(labels: readonly (readonly [string, Label])[], tell: Tell): ReadMiddlewares {
  const request: HeaderValue[] = [];
  const response: HeaderValue[] = [];
  let upstreamHost: UpstreamHost | undefined;
  let fault: Fault | undefined;
  for (const [field, { value, valueSpan, segments }] of labels) {
    const [, option = '', ...rest] = field.split('.');
    const name =
      rest.length > 0
        ? segments
            .slice(-rest.length)
            .map(({ text }) => text)
            .join('.')
        : '';
    const custom = option === 'customrequestheaders' ? request : option === 'customresponseheaders' ? response : undefined;
    const fixed = RESPONSE.get(option);
    if (custom && custom === request && name.toLowerCase() === 'host') {
      const host = parseHostname(value);
      if (host !== undefined) upstreamHost = { kind: 'fixed', host };
      else tell('TRAEFIK_LABEL_VALUE', `Cannot use "${value}" as Host header, expected a host name`, valueSpan);
    } else if (custom && (REFUSED_HEADER.test(name) || !/^[A-Za-z0-9!#$%&'*+.^`|~-]+$/.test(name)))
      tell('TRAEFIK_HEADER_REFUSED', `Cannot set header "${name}": tags may not set it; served without it`, valueSpan);
    else if (custom) custom.push({ name, value });
    else if (fixed !== undefined) response.push({ name: fixed, value });
    else if (option === 'framedeny' && parseBool(value) === true) response.push({ name: 'X-Frame-Options', value: 'DENY' });
    else if (option === 'contenttypenosniff' && parseBool(value) === true)
      response.push({ name: 'X-Content-Type-Options', value: 'nosniff' });
    else if (option === 'allowedhosts') {
      tell('TRAEFIK_PROTECTION_UNSERVED', 'Cannot enforce allowedHosts: it is not served, its routes answer 503', valueSpan);
      fault = { kind: 'protective', code: 'TRAEFIK_PROTECTION_UNSERVED' };
    } else tell('TRAEFIK_LABEL_UNSERVED', `Cannot serve headers option "${option}": its routes are served without it`, valueSpan);
  }
  const byName = (list: readonly HeaderValue[]): readonly HeaderValue[] => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const middlewares: Middleware[] =
    request.length + response.length > 0 ? [{ kind: 'headers', request: byName(request), response: byName(response) }] : [];
  return { middlewares, ...(upstreamHost && { upstreamHost }), ...(fault && { fault }) };
}

/** Go's ParseBool; undefined where the text is none. */
export function parseBool(text: string): boolean | undefined {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}

/** A comma list, trimmed, without empty items. */
export function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
