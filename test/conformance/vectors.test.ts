import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TagFormatter } from '../../src/dialects/dialect.ts';
import { createFabioFormatter } from '../../src/dialects/fabio/format/format.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { ownerId, serviceName } from '../../src/model/names.ts';
import { read, serve, type Served } from '../support/conformance.ts';
import { instanceOf, port, tagsOf } from '../support/intents.ts';

/** The rows of the design's table of conformance vectors (tags.md, section 10): one test for each, both proxies where it names them. */

/** What a row expects. A text in `caddy` or `traefik` stands in what is rendered, one in `never` in neither. */
interface Expected {
  readonly routes?: readonly string[];
  readonly codes?: readonly string[];
  /** Of the targets; others may be there. */
  readonly targetCodes?: readonly string[];
  readonly caddy?: readonly string[];
  readonly traefik?: readonly string[];
  readonly never?: readonly string[];
}

const service = (name: string, tags: readonly string[], overrides: Partial<ServiceInstance> = {}): ServiceInstance =>
  instanceOf(name, { tags, datacenter: 'eu1', ...overrides });

/** The n-th instance of one service. */
const numbered = (n: number, tags: readonly string[], overrides: Partial<ServiceInstance> = {}): ServiceInstance =>
  service('web', tags, { instance: `web-${n}`, address: `10.0.0.${n}`, modifyIndex: n, ...overrides });

function row(number: number, does: string, instances: readonly ServiceInstance[], expected: Expected): void {
  test(`row ${number}: ${does}`, () => {
    check(serve(instances), expected);
  });
}

function check(served: Served, { routes, codes = [], targetCodes = [], caddy = [], traefik = [], never = [] }: Expected): void {
  if (routes) assert.deepEqual(served.routes, routes);
  assert.deepEqual(served.codes, codes);
  for (const code of targetCodes) assert.ok(served.targetCodes.includes(code), `${code} is not said`);
  for (const text of caddy) assert.ok(served.caddyfile.includes(text), `Caddy misses ${text}`);
  for (const text of traefik) assert.ok(served.traefik.includes(text), `Traefik misses ${text}`);
  for (const text of never) assert.ok(!served.caddyfile.includes(text) && !served.traefik.includes(text), `${text} is rendered`);
}

const AT = 'http://10.0.0.1:8080×1';
const tagged = (...tags: readonly string[]): readonly ServiceInstance[] => [service('web', tags)];

row(1, 'a host in any case with a path by its case, on http and https', tagged('urlprefix-App.Example.com/Api'), {
  routes: [`web+websecure =app.example.com /Api → forward ${AT}`],
  caddy: ['app.example.com', '^/Api'],
  traefik: ['Host(`app.example.com`) && PathPrefix(`/Api`)'],
});
row(2, 'blanks around the tag, its route and its options', tagged('  urlprefix-  /x   strip=/x '), {
  routes: [`web+websecure * /x → strip /x forward ${AT}`],
  codes: ['FABIO_LEADING_BLANK'],
});
test('row 3: a host without a slash is the same as one with it', () => {
  assert.deepEqual(serve(tagged('urlprefix-app.com')), serve(tagged('urlprefix-app.com/')));
});
row(4, 'nothing behind the prefix gives no route', tagged('urlprefix-', 'urlprefix- '), { routes: [], codes: ['FABIO_ROUTE_EMPTY'] });
row(5, 'a tab in the route gives no route', tagged('urlprefix-/a\tstrip=/a'), { routes: [], codes: ['TAG_CONTROL_CHARACTER'] });
row(6, 'a TCP port with an entry point', tagged('urlprefix-:3306 proto=tcp'), {
  routes: ['mysql * / → forward tcp://10.0.0.1:8080×1'],
  targetCodes: ['CADDY_UNSUPPORTED'],
  traefik: ['HostSNI(`*`)'],
});
row(6, 'a TCP port without an entry point', tagged('urlprefix-:3307 proto=tcp'), { routes: [], codes: ['ROUTE_ENTRYPOINT_MISSING'] });
row(7, 'a port with a slash is dead and never the port of the instance', tagged('urlprefix-:8081/'), {
  routes: [],
  codes: ['FABIO_ROUTE_DEAD'],
  never: ['8081'],
});
row(8, 'an address with a TCP port', tagged('urlprefix-127.0.0.1:3306 proto=tcp'), {
  routes: ['web+websecure =127.0.0.1:3306 / → 503 protocol', 'mysql * / → forward tcp://10.0.0.1:8080×1'],
  targetCodes: ['CADDY_UNSUPPORTED'],
});
row(8, 'an address with a TCP port that no entry point has', tagged('urlprefix-127.0.0.1:1234 proto=tcp'), {
  routes: ['web+websecure =127.0.0.1:1234 / → 503 protocol'],
  codes: ['ROUTE_ENTRYPOINT_MISSING'],
});
row(9, 'TLS of a TCP host is handed on behind a PROXY line', tagged('urlprefix-db.x.com/ proto=tcp pxyproto=true'), {
  routes: ['mysql+websecure =db.x.com / passthrough → forward tcp://10.0.0.1:8080×1 v1', 'web+websecure =db.x.com / → 503 protocol'],
  targetCodes: ['CADDY_UNSUPPORTED'],
});
row(10, 'a listener in the place of a protocol changes nothing', tagged('urlprefix-x.com/ proto=tcp+sni'), {
  routes: [`web+websecure =x.com / → forward ${AT}`],
  codes: ['FABIO_PROTO_UNKNOWN'],
});
row(11, 'a prefix is cut off as text', tagged('urlprefix-/api strip=/api'), {
  routes: [`web+websecure * /api → strip /api forward ${AT}`],
  traefik: ['PathPrefix(`/api`)'],
});
row(12, 'a path is compared by its case', tagged('urlprefix-/api strip=/api'), { caddy: ['`^/api'], never: ['(?i)^/api'] });
row(13, 'a slash at the end belongs to the prefix', tagged('urlprefix-/api/'), {
  routes: [`web+websecure * /api/ → forward ${AT}`],
  caddy: ['^/api/'],
  traefik: ['PathPrefix(`/api/`)'],
});
row(14, 'a prefix is put on after one is cut off', tagged('urlprefix-/a/b strip=/a prepend=/z'), {
  routes: [`web+websecure * /a/b → strip /a add /z forward ${AT}`],
});
row(15, 'a prefix that never fits is cut off where it fits', tagged('urlprefix-/a strip=/q'), {
  routes: [`web+websecure * /a → strip /q forward ${AT}`],
  codes: ['FABIO_STRIP_OUTSIDE_PATH'],
});
row(16, 'a star in a host spans dots', tagged('urlprefix-*.x.com/'), {
  routes: [`web+websecure ~^.*\\.x\\.com$ / → forward ${AT}`],
  caddy: ['^.*\\.x\\.com'],
  traefik: ['HostRegexp(`^.*\\\\.x\\\\.com$`)'],
});
row(17, 'braces go before an exact host', [service('a', ['urlprefix-{a,b}.x.com/']), service('b', ['urlprefix-a.x.com/'])], {
  routes: [`web+websecure ~^(?:a|b)\\.x\\.com$ / → forward ${AT}`, `web+websecure =a.x.com / → forward ${AT}`],
  codes: ['FABIO_GLOB_ORDER'],
});
row(18, 'a broken host pattern gives no route', tagged('urlprefix-x[.com/'), { routes: [], codes: ['FABIO_HOST_GLOB'] });
row(19, 'a broken path pattern gives no route', tagged('urlprefix-/a[b'), { routes: [], codes: ['FABIO_PATH_GLOB'] });
row(20, 'a host goes before a longer path', [service('s1', ['urlprefix-a.io/']), service('s2', ['urlprefix-/very/long/path'])], {
  routes: [`web+websecure =a.io / → forward ${AT}`, `web+websecure * /very/long/path → forward ${AT}`],
});
row(
  20,
  'a host without a healthy instance keeps its requests',
  [service('s1', ['urlprefix-a.io/'], { health: 'critical' }), service('s2', ['urlprefix-/very/long/path'])],
  { routes: ['web+websecure =a.io / → 503 unhealthy', `web+websecure * /very/long/path → forward ${AT}`], codes: ['ROUTE_UNHEALTHY'] },
);
row(21, 'other paths of a host fall on to routes without host', [service('s1', ['urlprefix-a.io/only']), service('s2', ['urlprefix-/'])], {
  routes: [`web+websecure =a.io /only → forward ${AT}`, `web+websecure * / → forward ${AT}`],
});
row(
  22,
  'an exact host, a pattern and no host are tried in this order',
  [service('s1', ['urlprefix-a.io/x']), service('s2', ['urlprefix-*.io/']), service('s3', ['urlprefix-/'])],
  {
    routes: [`web+websecure =a.io /x → forward ${AT}`, `web+websecure ~^.*\\.io$ / → forward ${AT}`, `web+websecure * / → forward ${AT}`],
  },
);
row(23, 'variables are nothing but for the datacenter', tagged('urlprefix-/v$1/x', 'urlprefix-app.$DC.io/${DC}/p'), {
  routes: [`web+websecure =app.eu1.io /eu1/p → forward ${AT}`, `web+websecure * /v/x → forward ${AT}`],
  codes: ['FABIO_DOLLAR_LOST'],
});
row(24, 'a redirect of plain http carries path and query', tagged('urlprefix-x.com:80/ redirect=301,https://x.com$path'), {
  routes: ['websecure =x.com:80 / → 301 https://x.com<path>', 'web =x.com / → 301 https://x.com<path>'],
  targetCodes: ['TRAEFIK_REDIRECT_STATUS'],
});
row(25, "a redirect goes to the request's host", tagged('urlprefix-*:80/ redirect=308,https://$host$path'), {
  routes: ['websecure ~^.*$:80 / → 308 https://<host><path>', 'web ~^.*$ / → 308 https://<host><path>'],
  targetCodes: ['TRAEFIK_REDIRECT_STATUS'],
});
row(26, 'a redirect without $path carries neither path nor query', tagged('urlprefix-/o redirect=302,https://y.com/'), {
  routes: ['web+websecure * /o → 302 https://y.com/'],
});
row(27, 'a redirect with another status is refused', tagged('urlprefix-/o redirect=200,https://y.com/'), {
  routes: ['web+websecure * /o → 503 withheld'],
  codes: ['FABIO_REDIRECT_CODE'],
  never: ['y.com'],
});
row(28, 'a redirect with a comma in its URL is refused', tagged('urlprefix-/o redirect=301,https://y.com/?a=1,2'), {
  routes: ['web+websecure * /o → 503 withheld'],
  codes: ['FABIO_REDIRECT_FORM'],
  never: ['y.com'],
});
row(29, 'a protocol behind a redirect is refused', tagged('urlprefix-/o redirect=301,https://y.com/ proto=https'), {
  routes: ['web+websecure * /o → 503 withheld'],
  codes: ['FABIO_REDIRECT_PROTO'],
});
row(29, 'a protocol before a redirect says nothing', tagged('urlprefix-/o proto=https redirect=301,https://y.com/'), {
  routes: ['web+websecure * /o → 301 https://y.com/'],
});
row(
  30,
  'fixed weights leave the rest to the others',
  [numbered(1, ['urlprefix-/ weight=0.1']), numbered(2, ['urlprefix-/ weight=0.1']), numbered(3, ['urlprefix-/'])],
  { routes: ['web+websecure * / → forward http://10.0.0.1:8080×1 http://10.0.0.2:8080×1 http://10.0.0.3:8080×8'] },
);
row(31, 'a fixed weight above one starves the others', [numbered(1, ['urlprefix-/ weight=10']), numbered(2, ['urlprefix-/'])], {
  routes: ['web+websecure * / → forward http://10.0.0.1:8080×1 http://10.0.0.2:8080×0'],
  codes: ['FABIO_WEIGHT_STARVES'],
});
row(32, 'a weight of 0 is none', [numbered(1, ['urlprefix-/ weight=0']), numbered(2, ['urlprefix-/'])], {
  routes: ['web+websecure * / → forward http://10.0.0.1:8080×1 http://10.0.0.2:8080×1'],
  never: ['weight'],
});
row(33, 'a weight that is no number is refused', tagged('urlprefix-/ weight=abc'), {
  routes: ['web+websecure * / → 503 withheld'],
  codes: ['FABIO_WEIGHT_NOT_NUMBER'],
});
row(34, 'allow beside deny withholds the route', tagged('urlprefix-/ allow=ip:10.0.0.0/8 deny=ip:10.1.1.1'), {
  routes: ['web+websecure * / → 503 withheld'],
  codes: ['FABIO_ACL_BOTH'],
});
row(35, 'an item of deny that cannot be read withholds the route', tagged('urlprefix-/ deny=ip:fe80::1,10.0.0.0/8'), {
  routes: ['web+websecure * / → 503 withheld'],
  codes: ['FABIO_ACL_SYNTAX'],
});
row(
  36,
  'https under a name, unverified, on port 80',
  [numbered(1, ['urlprefix-/a proto=https tlsskipverify=true host=n'], { port: port(80) })],
  {
    routes: ['web+websecure * /a → forward https://10.0.0.1:80×1'],
    caddy: ['reverse_proxy 10.0.0.1:80', 'tls_insecure_skip_verify', 'tls_server_name `n`', 'header_up Host `n`'],
    traefik: ['https://10.0.0.1:80', '"serverName": "n"', '"insecureSkipVerify": true', '"Host": "n"'],
  },
);
row(37, 'instances of one service speak http and https', [numbered(1, ['urlprefix-/a']), numbered(2, ['urlprefix-/a proto=https'])], {
  routes: ['web+websecure * /a → forward http://10.0.0.1:8080×1 https://10.0.0.2:8080×1'],
  targetCodes: ['CADDY_MIXED_SCHEMES'],
  traefik: ['http://10.0.0.1:8080', 'https://10.0.0.2:8080'],
});
row(
  38,
  'one host of two services is one pool',
  [service('s1', ['https://x.com']), service('s2', ['https://x.com'], { address: '10.0.0.2' })],
  {
    routes: [`websecure =x.com / → forward ${AT} http://10.0.0.2:8080×1 ipHash`],
    codes: ['ROUTE_POOLED'],
  },
);
row(
  38,
  'one host of two owners stays with the first',
  [service('s1', ['https://x.com']), service('s2', ['https://x.com'], { owner: ownerId('other'), modifyIndex: 2, address: '10.0.0.2' })],
  { routes: [`websecure =x.com / → forward ${AT} ipHash`], codes: ['ROUTE_CONFLICT_OWNER'] },
);
row(
  39,
  'a quote in a label beside a Fabio tag would freeze Fabio',
  tagged('urlprefix-h.io/', 'traefik.enable=true', 'traefik.http.routers.a.rule=Host("x.com")'),
  { codes: ['FABIO_QUOTE_FREEZES'], traefik: ['Host(`x.com`)', 'Host(`h.io`)'] },
);
row(40, 'templates and variables never reach a configuration', tagged('urlprefix-/x prepend=/{{env "HOME"}}', 'urlprefix-/{$HOME}/x'), {
  routes: [`web+websecure * /{}/x → forward ${AT}`, 'web+websecure * /x → 503 withheld'],
  codes: ['FABIO_DOLLAR_LOST', 'FABIO_OPTION_QUOTE', 'FABIO_OPTION_UNKNOWN'],
  caddy: ['^/\\x7b\\x7d/x'],
  traefik: ['/\\u007b}/x'],
  never: ['{$', '{{', 'HOME'],
});
row(
  41,
  'names that differ in other characters than letters and digits are one pool',
  [service('a.b', ['traefik.enable=true']), service('a-b', ['traefik.enable=true'], { address: '10.0.0.2' })],
  {
    routes: [`web =a-b.test / → forward ${AT} http://10.0.0.2:8080×1 roundRobin`],
    codes: ['ROUTE_POOLED', 'TRAEFIK_RULE_DEFAULT'],
  },
);

const fabio = createFabioFormatter({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true });

/** The tags that say what other tags ask for, and the codes of what is lost. */
function converted(formatter: TagFormatter, ...tags: readonly string[]): readonly string[] {
  const codes: string[] = [];
  const context = { service: serviceName('web'), port: port(8080), entryPoints: { plain: 'web', tls: 'websecure' } };
  const written = formatter.format(read(...tags).value.intents, context, ({ code }) => codes.push(code));
  return [...tagsOf(written), ...new Set(codes)];
}

const routed = (rule: string): readonly string[] => ['traefik.enable=true', `traefik.http.routers.a.rule=${rule}`];

test('row 42: a condition on the method cannot be said in a Fabio tag, but in both proxies', () => {
  const tags = routed('Host(`a`) && PathPrefix(`/p`) && Method(`GET`)');
  assert.deepEqual(converted(fabio, ...tags), ['FABIO_UNSUPPORTED']);
  const served = serve([service('web', tags)]);
  assert.match(served.caddyfile, /method .?GET/);
  assert.match(served.traefik, /Method\(`GET`\)/);
});

test('row 43: hosts and paths that stand for each other are one Fabio tag for each combination', () => {
  const tags = routed('(Host(`a`)||Host(`b`)) && (PathPrefix(`/x`)||PathPrefix(`/y`))');
  const found = converted(fabio, ...tags).filter((text) => text.startsWith('urlprefix-'));
  assert.deepEqual(found, ['urlprefix-a/x', 'urlprefix-a/y', 'urlprefix-b/x', 'urlprefix-b/y']);
});

row(44, 'a path of HinD is exact and has TLS', tagged('https://H.com/sub'), {
  routes: [`websecure =h.com =/sub → forward ${AT} ipHash`],
  codes: ['HIND_PATH_EXACT'],
  caddy: ['^/sub$'],
  traefik: ['^/sub$'],
});
test('row 44: a path of HinD is wider in a Fabio tag', () => {
  assert.deepEqual(converted(fabio, 'https://H.com/sub'), ['urlprefix-h.com:443/sub lb=ip_hash', 'FABIO_APPROXIMATED']);
});
row(45, 'one route of HinD and Fabio has the balancing of HinD', tagged('https://h.com', 'urlprefix-h.com:443/'), {
  routes: [`websecure =h.com / → forward ${AT} ipHash`, `web =h.com:443 / → forward ${AT}`],
});
