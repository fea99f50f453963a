/** A request as somebody wrote it down. Without a host it is asked of every host. */
export interface NotedRequest {
  readonly method: string;
  readonly scheme?: 'http' | 'https';
  /** With the port, where it was sent. */
  readonly host?: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: readonly string[];
}

/** Distinct requests, and how often each was noted. */
export interface NotedRequests {
  /** Most often first. */
  readonly requests: readonly (NotedRequest & { readonly times: number })[];
  /** Lines that are no requests, with their number from 1; at most ten. */
  readonly unread: readonly { readonly line: number; readonly text: string }[];
  readonly unreadCount: number;
}

/** Lines of a text without their ends. */
type Lines = AsyncIterable<string> | Iterable<string>;

/**
 * Requests of an access log: the common and combined format of Apache, nginx and Traefik (also with the virtual host in front), Caddy's
 * JSON, Traefik's JSON. Each line is read by itself, so that formats may be mixed.
 */
export async function readAccessLog(lines: Lines): Promise<NotedRequests> {
  return gathered(lines, (line) => (line.startsWith('{') ? fromJson(line) : fromCommon(line)));
}

/**
 * Requests of a list: lines `[METHOD] URL`, with headers behind a tab each (`GET https://a.io/x<TAB>X-Version: 2`), or JSON objects with
 * `url`, `method` and `headers`. `#` begins a remark.
 */
export async function readRequestList(lines: Lines): Promise<NotedRequests> {
  return gathered(lines, (line) => (line.startsWith('{') ? fromListJson(line) : fromListLine(line)));
}

const MOST_TOLD = 10;
/** No server takes a longer request line. */
const LONGEST = 65_536;

/** Lines of a text that comes in pieces. Of one that is too long for a request only so much is kept that it is seen to be none. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let line = '';
  for await (const piece of pieces) {
    const [first = '', ...others] = piece.split('\n');
    line += first.slice(0, LONGEST + 1 - line.length);
    for (const next of others) {
      yield line;
      line = next.slice(0, LONGEST + 1);
    }
  }
  yield line;
}

async function gathered(lines: Lines, read: (line: string) => NotedRequest | undefined): Promise<NotedRequests> {
  const counted = new Map<string, NotedRequest & { readonly times: number }>();
  const unread: { readonly line: number; readonly text: string }[] = [];
  let unreadCount = 0;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const request = line.length > LONGEST ? undefined : read(text);
    if (!request) {
      unreadCount += 1;
      if (unread.length < MOST_TOLD) unread.push({ line: number, text: text.slice(0, 200) });
      continue;
    }
    const key = JSON.stringify([request.method, request.scheme, request.host, request.path, request.headers]);
    counted.set(key, { ...request, times: (counted.get(key)?.times ?? 0) + 1 });
  }
  return { requests: [...counted.values()].toSorted((left, right) => right.times - left.times), unread, unreadCount };
}

/** `[vhost[:port] ]address ident user [time] "METHOD target PROTOCOL" …`, as `%h %l %u %t "%r"` writes it. */
const COMMON = /^(?:(\S+) )?\S+ \S+ \S+ \[[^\]]*\] "([A-Z]+) (\S+)(?: HTTP\/[\d.]+)?"/;

function fromCommon(line: string): NotedRequest | undefined {
  const [, vhost, method, target = ''] = COMMON.exec(line) ?? [];
  if (method === undefined) return undefined;
  const url = fromUrl(target);
  if (url) return { method, ...url };
  if (!target.startsWith('/')) return undefined;
  const { scheme, host } = vhost === undefined ? {} : fromAuthority(vhost);
  return { method, path: target, ...(scheme && { scheme }), ...(host !== undefined && { host }) };
}

/** A virtual host with the port where it listened: the usual ones are no part of the Host header. */
function fromAuthority(text: string): Pick<NotedRequest, 'scheme' | 'host'> {
  const host = text.replace(/:(?:80|443)$/, '').toLowerCase();
  return { host, ...(text.endsWith(':443') && { scheme: 'https' }), ...(text.endsWith(':80') && { scheme: 'http' }) };
}

function fromJson(line: string): NotedRequest | undefined {
  const entry = objectIn(line);
  if (!entry) return undefined;
  const request = isObject(entry['request']) ? entry['request'] : undefined;
  if (request) {
    const { method, host, uri } = request;
    if (typeof method !== 'string' || typeof uri !== 'string' || !uri.startsWith('/')) return undefined;
    return {
      method,
      path: uri,
      scheme: isObject(request['tls']) ? 'https' : 'http',
      ...(typeof host === 'string' && host !== '' && { host }),
    };
  }
  const { RequestMethod: method, RequestPath: path, RequestHost: name, RequestAddr: address, RequestScheme: scheme } = entry;
  if (typeof method !== 'string' || typeof path !== 'string' || !path.startsWith('/')) return undefined;
  const host = typeof address === 'string' && address !== '' ? address : name;
  return {
    method,
    path,
    ...((scheme === 'http' || scheme === 'https') && { scheme }),
    ...(typeof host === 'string' && host !== '' && host !== '-' && { host }),
  };
}

function fromListLine(line: string): NotedRequest | undefined {
  const [request = '', ...headers] = line.split('\t').map((part) => part.trim());
  const [, method = 'GET', target = ''] = /^(?:([A-Za-z]+) +)?(\S+)$/.exec(request) ?? [];
  return withTarget(target, { method: method.toUpperCase(), headers });
}

function fromListJson(line: string): NotedRequest | undefined {
  const entry = objectIn(line);
  if (!entry || typeof entry['url'] !== 'string') return undefined;
  const { url, method, headers } = entry;
  const lines = isObject(headers) ? Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`) : [];
  return withTarget(url, { method: typeof method === 'string' ? method.toUpperCase() : 'GET', headers: lines });
}

function withTarget(
  target: string,
  { method, headers }: { readonly method: string; readonly headers: readonly string[] },
): NotedRequest | undefined {
  const rest = { method, ...(headers.length > 0 && { headers }) };
  const url = fromUrl(target);
  if (url) return { ...rest, ...url };
  if (target.startsWith('/')) return { ...rest, path: target };
  const [, host, path = ''] = /^([^/\s]+)(\/\S*)?$/.exec(target) ?? [];
  return host === undefined || host.includes(':/') ? undefined : { ...rest, host, path: path === '' ? '/' : path };
}

function fromUrl(text: string): Pick<NotedRequest, 'scheme' | 'host' | 'path'> | undefined {
  const [, scheme, host, path = ''] = /^(https?):\/\/([^/?#\s]+)([^#\s]*)/i.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  return { scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http', host, path: path.startsWith('/') ? path : `/${path}` };
}

function objectIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
