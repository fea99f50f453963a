import type { Catalog } from './generator.ts';
import { AUTHORIZATION } from './middlewares.ts';
import { TRUSTED_PROXY } from '../requests/model.ts';
import { createRandom, type Random } from './random.ts';
import { hostsOf, oneWay, PATHS, type Call } from './rules.ts';

/** A request as it is sent. */
export interface Asked {
  readonly tls: boolean;
  readonly host: string;
  /** Path and query, byte for byte. */
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly from: string;
  readonly body?: string;
}

/** The address whose X-Forwarded-For both proxies believe. */
const TRUSTED = TRUSTED_PROXY;
const SOURCES = ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.3', '127.0.1.7', TRUSTED];

/** Requests for a catalog: most fit one of its routers, many are changed a little. */
export function generateRequests(catalog: Catalog, count: number): readonly Asked[] {
  const random = createRandom(catalog.seed, catalog.name, 'requests');
  return Array.from({ length: count }, () => {
    let asked = fitting(random, catalog);
    for (let changes = random.pick([0, 0, 0, 1, 1, 2]); changes > 0; changes -= 1) asked = nearMiss(random, asked, catalog);
    return asked;
  });
}

function fitting(random: Random, catalog: Catalog): Asked {
  const { name, routers, defaultHosts } = catalog;
  const plain: Asked = {
    tls: random.chance(0.3),
    host: random.pick(hostsOf(name)),
    path: random.pick(PATHS),
    method: random.chance(0.8) ? 'GET' : random.pick(['POST', 'HEAD', 'PUT', 'OPTIONS']),
    headers: wished(random, name),
    from: random.pick(SOURCES),
  };
  if (routers.length === 0 || random.chance(0.08)) return { ...plain, host: random.pick([...defaultHosts, plain.host]) };
  const { rule, tls } = random.pick(routers);
  const way = oneWay(random, rule);
  return way
    .filter(({ fits }) => fits)
    .reduce((asked, { call }) => toFit(random, asked, { call, catalog: name }), { ...plain, tls: random.chance(0.95) ? tls : !tls });
}

/** Headers that middlewares look at. */
function wished(random: Random, catalog: string): Asked['headers'] {
  const headers: (readonly [string, string])[] = [];
  if (random.chance(0.3)) headers.push(['Authorization', random.chance(0.8) ? AUTHORIZATION : 'Basic dTp4']);
  if (random.chance(0.2)) headers.push(['Origin', random.pick([`https://a.${catalog}.test`, 'https://evil.example'])]);
  if (random.chance(0.1)) headers.push(['Access-Control-Request-Method', 'PUT']);
  if (random.chance(0.15)) headers.push(['X-Forwarded-For', random.pick(['10.1.2.3', '127.0.0.1', '10.1.2.3, 127.0.0.3'])]);
  if (random.chance(0.2)) headers.push(['X-Tenant', random.pick(['red', 'blue'])]);
  return headers;
}

function toFit(
  random: Random,
  asked: Asked,
  { call: { name, values }, catalog }: { readonly call: Call; readonly catalog: string },
): Asked {
  const [first = '', second = ''] = values;
  switch (name) {
    case 'Host':
      return { ...asked, host: first.replace('*', random.pick(['a', 'any'])) };
    case 'HostRegexp':
      return { ...asked, host: first.startsWith('^www') ? `www.a.${catalog}.test` : random.pick(hostsOf(catalog)) };
    case 'Path':
      return { ...asked, path: first };
    case 'PathPrefix':
      return { ...asked, path: `${first}${random.pick(['', '', '/', 'x', '/users', '/v1/x.js', '/a/b?c=d'])}` };
    case 'PathRegexp':
      return { ...asked, path: random.pick(['/api/v1/users', '/api', '/foo', '/FOO/x', '/static/app.js', '/v7/', '/xzy', '/a']) };
    case 'Method':
      return { ...asked, method: first.toUpperCase() };
    case 'Header':
      return withHeader(asked, first, second);
    case 'HeaderRegexp':
      return withHeader(asked, first, random.pick(['red', 'prod', 'Test/7', 'dev']));
    case 'Query':
      return { ...asked, path: withQuery(asked.path, second === '' ? first : `${first}=${encodeURIComponent(second)}`) };
    case 'QueryRegexp':
      return { ...asked, path: withQuery(asked.path, `${first}=${random.pick(['1', 'yes', 'true', ''])}`) };
    case 'ClientIP':
      return { ...asked, from: first.startsWith('127.0.1') ? '127.0.1.7' : first === '127.0.0.3' ? first : '127.0.0.1' };
    default:
      throw new TypeError(`Cannot fit a matcher: ${JSON.stringify(name satisfies never)}`);
  }
}

/** A request that differs a little from another. */
function nearMiss(random: Random, asked: Asked, { name }: Catalog): Asked {
  const { host, path, headers } = asked;
  const [plain = '', query] = path.split('?');
  const withPath = (changed: string): Asked => ({ ...asked, path: query === undefined ? changed : `${changed}?${query}` });
  const kind = random.pick([
    'hostCase',
    'hostDot',
    'hostPort',
    'host',
    'pathCase',
    'slash',
    'dots',
    'slashes',
    'encoded',
    'method',
    'header',
    'query',
    'tls',
    'from',
    'body',
    'status',
  ] as const);
  switch (kind) {
    case 'hostCase':
      return { ...asked, host: host.toUpperCase() };
    case 'hostDot':
      return { ...asked, host: host.replace(/(:\d+)?$/, '.$1') };
    case 'hostPort':
      return { ...asked, host: `${host}:${random.pick(['80', '443', '8080'])}` };
    case 'host':
      return { ...asked, host: random.pick([`x.${host}`, `x${host}`, host.replace(/^[^.]+\./, ''), `none.${name}.test`]) };
    case 'pathCase':
      return withPath(plain.toUpperCase());
    case 'slash':
      return withPath(plain.endsWith('/') && plain !== '/' ? plain.slice(0, -1) : `${plain}/`);
    case 'dots':
      return withPath(random.pick([`/x/..${plain}`, `${plain}/.`, `${plain}/../b`, `/.${plain}`, `${plain}/%2e%2e/x`]));
    case 'slashes':
      return withPath(random.pick([`/${plain}`, `${plain}//x`, plain.replace(/\/([^/]*)$/, '//$1')]));
    case 'encoded':
      return withPath(
        random.pick([
          plain.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
          plain.replace(/.\//, (found) => `${found[0] ?? ''}%2F`),
          `${plain}%2Fx`,
          `${plain}%20`,
          `${plain}%3Fx`,
          `${plain}%25`,
          `${plain}/%c3%a9`,
          `${plain}%zz`,
        ]),
      );
    case 'method':
      return { ...asked, method: random.pick(['GET', 'POST', 'HEAD', 'OPTIONS', 'PATCH']) };
    case 'header':
      return headers.length === 0 ? withHeader(asked, 'X-Env', 'prod') : { ...asked, headers: headers.slice(1) };
    case 'query':
      return { ...asked, path: withQuery(path, random.pick(['debug', 'q=2', 'Q=1', 'q=1&q=2', 'x;y', 'a=%zz', 'q=1+1'])) };
    case 'tls':
      return { ...asked, tls: !asked.tls };
    case 'from':
      return { ...asked, from: random.pick(SOURCES) };
    case 'body':
      return { ...asked, method: 'POST', body: random.pick(['1234', '1234567']) };
    case 'status':
      return { ...asked, path: withQuery(path, `status=${random.pick(['404', '500', '503'])}`) };
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

function withHeader(asked: Asked, name: string, value: string): Asked {
  const others = asked.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...asked, headers: [...others, [name, value]] };
}

function withQuery(path: string, query: string): string {
  return path.includes('?') ? `${path}&${query}` : `${path}?${query}`;
}
