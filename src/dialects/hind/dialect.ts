import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report } from '../../model/diagnostic.ts';
import { ANY_PATH, exactHost, exactPath, pathPrefix, type PathMatch } from '../../model/match.ts';
import type { Middleware } from '../../model/middleware.ts';
import { parseHostname, parsePort } from '../../model/names.ts';
import { PLAIN_POOL } from '../../model/pool.ts';
import type { RouteIntent } from '../../model/intent.ts';
import type { EntryPointChoice } from '../../model/entry-point.ts';
import type { Dialect } from '../dialect.ts';

/** How HinD is set up where its tags come from. */
export interface HindSettings {
  /** Blocks whose clients may use the services, as HinD's ALLOWED_REMOTE_IPS_SERVICES; empty: everybody. */
  readonly allowIps?: readonly string[];
}

/**
 * The dialect of HinD's `https://host[:port][/path]` tags (internetarchive/hind:etc/Caddyfile.ctmpl): each is the address of a Caddy site
 * that forwards by the client's address. A path matches exactly, or as a prefix where it ends in `*`, in any case.
 */
export function createHindDialect({ allowIps = [] }: HindSettings = {}): Dialect {
  const middlewares: readonly Middleware[] = allowIps.length > 0 ? [{ kind: 'ipAllow', cidrs: allowIps, of: { kind: 'peer' } }] : [];
  return {
    name: 'hind',
    claims: (tag) => /^\s*https?:\/\//.test(tag),
    parse(instance, report) {
      const intents = instance.tags.flatMap((tag, index) => parseTag(instance, { tag, index }, report));
      return { intents: intents.map((intent) => ({ ...intent, middlewares })), definitions: [] };
    },
  };
}

function parseTag(
  instance: ServiceInstance,
  { tag, index }: { readonly tag: string; readonly index: number },
  report: Report,
): readonly RouteIntent[] {
  const whole = tagSpan(instance, index);
  if (tag.startsWith('http://')) {
    report(diagnose('HIND_HTTP_IGNORED', 'An `http://` tag is ignored, as in HinD', { span: whole }));
    return [];
  }
  if (!tag.startsWith('https://')) {
    if (/^\s+https:\/\//.test(tag))
      report(diagnose('HIND_LEADING_BLANK', 'A blank before `https://`: HinD ignores the tag', { span: whole }));
    return [];
  }
  const begin = 'https://'.length;
  const slash = tag.indexOf('/', begin);
  const authority = slash < 0 ? tag.slice(begin) : tag.slice(begin, slash);
  const pathText = slash < 0 ? '' : tag.slice(slash);
  const refuse = (problem: string, start: number, end: number): readonly RouteIntent[] => {
    report(diagnose('HIND_ADDRESS_SYNTAX', `Cannot serve "${tag}": ${problem}`, { span: tagSpan(instance, index, start, end) }));
    return [];
  };
  const colon = /^(.*):([^:\]]*)$/.exec(authority);
  const name = colon ? (colon[1] ?? '') : authority;
  const host = parseHostname(name);
  if (host === undefined) return refuse(`"${name}" is no host name`, begin, begin + Math.max(1, name.length));
  const port = colon ? parsePort(colon[2] ?? '') : undefined;
  if (colon && port === undefined) return refuse(`"${colon[2] ?? ''}" is no port`, begin + name.length + 1, begin + authority.length);
  if (!/^[A-Za-z0-9._~!$&'()*+;=:@%/-]*$/.test(pathText)) return refuse('its path holds a character that no path has', slash, tag.length);
  if (pathText.includes('*') && pathText.indexOf('*') < pathText.length - 1) return refuse('`*` may only end the path', slash, tag.length);
  const path = pathOf(pathText);
  if (path.kind === 'exact')
    report(
      diagnose('HIND_PATH_EXACT', `Only the path "${path.path}" is matched, as in HinD`, {
        span: tagSpan(instance, index, slash, tag.length),
      }),
    );
  const entryPoints: EntryPointChoice = port === undefined || port === 443 ? { kind: 'tls' } : { kind: 'port', port, tls: true };
  return [
    {
      dialect: 'hind',
      owner: instance.owner,
      service: instance.service,
      spans: [whole],
      entryPoints,
      match: { host: exactHost(host), path, conditions: [] },
      pathForm: 'raw',
      middlewares: [],
      action: { kind: 'forward' },
      protocol: 'http',
      pool: { ...PLAIN_POOL, loadBalancing: 'ipHash' },
      endpoint: { address: instance.address, port: instance.port },
    },
  ];
}

function pathOf(text: string): PathMatch {
  if (text === '') return ANY_PATH;
  return text.endsWith('*') ? pathPrefix(text.slice(0, -1), true) : exactPath(text, true);
}
