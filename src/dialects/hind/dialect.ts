import type { ServiceInstance } from '../../model/catalog.ts';
import { diagnose, tagSpan, type Report } from '../../model/diagnostic.ts';
import type { RouteIntent } from '../../model/intent.ts';
import type { Middleware } from '../../model/middleware.ts';
import { PLAIN_POOL } from '../../model/pool.ts';
import type { Dialect } from '../dialect.ts';
import { parseAddress, type Address } from './address.ts';
import { lexTag, type Token } from './lex.ts';

/** How HinD is set up where its tags come from. */
export interface HindSettings {
  /** Blocks whose clients may use the services, as HinD's ALLOWED_REMOTE_IPS_SERVICES; empty: everybody. */
  readonly allowIps?: readonly string[];
}

/**
 * The dialect of HinD's `https://host[:port][/path]` tags (internetarchive/hind:etc/Caddyfile.ctmpl): each is the address of a Caddy site
 * that forwards by the client's address. Several addresses may stand in one tag, a blank between them, and a comment behind them; what
 * reaches further into a Caddyfile is refused.
 */
export function createHindDialect({ allowIps = [] }: HindSettings = {}): Dialect {
  const middlewares: readonly Middleware[] = allowIps.length > 0 ? [{ kind: 'ipAllow', cidrs: allowIps, of: { kind: 'peer' } }] : [];
  return {
    name: 'hind',
    recognises: (tag) => /^\s*https?:\/\//.test(tag),
    parse(instance, report) {
      const intents = instance.tags.flatMap((tag, index) => parseTag(instance, { tag, index }, report));
      return { intents: intents.map((intent) => ({ ...intent, middlewares })), definitions: [] };
    },
  };
}

interface IndexedTag {
  readonly tag: string;
  readonly index: number;
}

function parseTag(instance: ServiceInstance, { tag, index }: IndexedTag, report: Report): readonly RouteIntent[] {
  const at = ({ start, end }: Token): ReturnType<typeof tagSpan> => tagSpan(instance, index, start, end);
  if (tag.startsWith('http://')) {
    report(diagnose('HIND_HTTP_IGNORED', 'An `http://` tag is ignored, as in HinD', { span: tagSpan(instance, index) }));
    return [];
  }
  if (!tag.startsWith('https://')) {
    if (/^\s+https:\/\//.test(tag))
      report(diagnose('HIND_LEADING_BLANK', 'A blank before `https://`: HinD ignores the tag', { span: tagSpan(instance, index) }));
    return [];
  }
  const { addresses, comment } = lexTag(tag);
  const injected = /[{}"`\\]/.exec(tag.slice(0, comment?.start));
  if (injected) {
    const place = { text: injected[0], start: injected.index, end: injected.index + 1 };
    report(diagnose('HIND_ADDRESS_SYNTAX', `Cannot serve "${tag}": ${injected[0]} would reach into HinD's Caddyfile`, { span: at(place) }));
    return [];
  }
  const more = comment ?? addresses[1];
  if (more) {
    const message = comment ? 'What follows `#` is a comment, as in HinD' : `The tag holds ${addresses.length} addresses; each is a route`;
    report(diagnose('HIND_SEVERAL_ADDRESSES', message, { span: at(more), hint: 'Give each address its own tag' }));
  }
  return addresses.flatMap((token) => {
    const address = parseAddress(token);
    if ('problem' in address) {
      report(diagnose('HIND_ADDRESS_SYNTAX', `Cannot serve "${token.text}": ${address.problem}`, { span: at(address.token) }));
      return [];
    }
    if (address.path.kind === 'exact') {
      const message = `Only the path "${address.path.path}" is matched, as in HinD`;
      report(diagnose('HIND_PATH_EXACT', message, { span: at(address.pathToken) }));
    }
    return [intentOf(instance, address, at(token))];
  });
}

function intentOf(instance: ServiceInstance, { host, path, entryPoints }: Address, span: ReturnType<typeof tagSpan>): RouteIntent {
  return {
    dialect: 'hind',
    owner: instance.owner,
    service: instance.service,
    spans: [span],
    entryPoints,
    match: { host, path, conditions: [] },
    pathForm: 'raw',
    middlewares: [],
    action: { kind: 'forward' },
    protocol: 'http',
    pool: { ...PLAIN_POOL, loadBalancing: 'ipHash' },
    endpoint: { address: instance.address, port: instance.port },
  };
}
