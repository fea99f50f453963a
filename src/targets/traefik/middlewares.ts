import { shortHash } from '../../lib/hash.ts';
import type { HeaderValue, Middleware } from '../../model/middleware.ts';
import type { Redirect, RedirectPart } from '../../model/route.ts';
import type { RenderSettings } from '../target.ts';
import type { JsonObject } from './json.ts';
import { replacementText } from './quote.ts';

/** A named part of the file; equal parts have equal names and stand there once. */
export interface Named {
  readonly name: string;
  readonly value: JsonObject;
}

/** A part named by its kind and content. */
export function named(kind: string, value: JsonObject): Named {
  return { name: `${kind}-${shortHash([JSON.stringify(value)])}`, value };
}

/** Whether Traefik can enforce a middleware: it has no list of denied addresses, and its own list looks at one address only. */
export function isEnforceable(middleware: Middleware, { credentials }: RenderSettings): boolean {
  if (middleware.kind === 'ipAllow') return middleware.of.kind === 'peer';
  if (middleware.kind === 'basicAuth') return middleware.users.kind === 'policy' && (credentials?.has(middleware.users.policy) ?? false);
  return middleware.kind !== 'ipDeny';
}

/** A middleware of the table as one of Traefik's; undefined where it does nothing. Throws `RangeError` for one that is not enforceable. */
export function middlewareOf(middleware: Middleware, settings: RenderSettings): Named | undefined {
  if (!isEnforceable(middleware, settings)) throw new RangeError(`Cannot render a middleware: Traefik does not enforce ${middleware.kind}`);
  switch (middleware.kind) {
    case 'stripPrefix':
      return named('strip', { stripPrefix: { prefixes: middleware.prefixes } });
    case 'addPrefix':
      return named('add', { addPrefix: { prefix: middleware.prefix } });
    case 'redirectScheme': {
      const { scheme, port, permanent } = middleware;
      return named('scheme', { redirectScheme: { scheme, permanent, ...(port !== undefined && { port: String(port) }) } });
    }
    case 'redirectRegexp': {
      const { regexp, replacement, permanent } = middleware;
      return named('redirect', { redirectRegex: { regex: regexp, replacement, permanent } });
    }
    case 'headers': {
      const [request, response] = [headersOf(middleware.request), headersOf(middleware.response)];
      return request || response
        ? named('headers', {
            headers: { ...(request && { customRequestHeaders: request }), ...(response && { customResponseHeaders: response }) },
          })
        : undefined;
    }
    case 'ipDeny':
      throw new RangeError('Cannot render a list of denied addresses: Traefik has none');
    case 'ipAllow':
      return named('allow', { ipAllowList: { sourceRange: middleware.cidrs } });
    case 'basicAuth': {
      const users = (middleware.users.kind === 'policy' && settings.credentials?.get(middleware.users.policy)?.users) || [];
      return named('auth', { basicAuth: { users: users.map(({ name, hash }) => `${name}:${hash.reveal()}`) } });
    }
    default:
      throw new RangeError(`Cannot render ${middleware.kind}: it is no capability`);
  }
}

/** The Host header that instances get. */
export function hostHeader(host: string): Named {
  return named('host', { headers: { customRequestHeaders: { Host: host } } });
}

/** When clients may ask again. */
export const RETRY_AFTER: Named = { name: 'hind-proxy-retry-after', value: { headers: { customResponseHeaders: { 'Retry-After': '5' } } } };

/** Tries another instance where the first one does not take the connection. */
export const RETRY: Named = { name: 'hind-proxy-retry', value: { retry: { attempts: 2 } } };

/** A path that Traefik's own API does not have: its service answers 404 there. */
export const NOT_FOUND: Named = { name: 'hind-proxy-not-found', value: { replacePath: { path: '/hind-proxy-not-found' } } };

/** A redirect action. Traefik knows 301 and 302 for GET, 308 and 307 for other methods. */
export function redirectOf({ status, to }: Redirect): Named {
  const hasQuery = to.some((part) => part.kind === 'text' && part.text.includes('?'));
  const replacement = to.map((part) => replacementOf(part, hasQuery)).join('');
  return named('redirect', { redirectRegex: { regex: WHOLE_URL, replacement, permanent: isPermanent(status) } });
}

/** The statuses that Traefik answers with: for GET (and HEAD), and for other methods. */
export function servedStatuses({ status }: Redirect): { readonly get: number; readonly other: number } {
  return isPermanent(status) ? { get: 301, other: 308 } : { get: 302, other: 307 };
}

/** 1: host with port, 2: host, 3: path, 4: query. */
const WHOLE_URL = '^[a-z]+://((\\[[^\\]]*\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(.*)$';

function replacementOf(part: RedirectPart, hasQuery: boolean): string {
  switch (part.kind) {
    case 'text':
      return replacementText(part.text);
    case 'host':
      return '${1}';
    case 'hostname':
      return '${2}';
    case 'path':
      return hasQuery ? '${3}' : '${3}${4}';
    default:
      throw new TypeError(`Cannot render a redirect part: ${JSON.stringify(part satisfies never)}`);
  }
}

function isPermanent(status: number): boolean {
  return status === 301 || status === 308;
}

function headersOf(headers: readonly HeaderValue[]): JsonObject | undefined {
  return headers.length === 0 ? undefined : Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}
