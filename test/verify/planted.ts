/** Two ways to tag one service that differ in one thing, and how the difference is named. */
export interface Planted {
  readonly name: string;
  readonly old: readonly string[];
  readonly new: readonly string[];
  /** One of them must be named. */
  readonly differs: readonly string[];
  /** Tags of further instances on both sides. */
  readonly beside?: { readonly old: readonly string[]; readonly new: readonly string[] };
}

/** Labels of a router of its own for the host `NAME.test`; `rule` is put behind the host. */
function labels(name: string, rule = '', ...more: readonly string[]): readonly string[] {
  return [
    'traefik.enable=true',
    `traefik.http.routers.${name}.rule=Host(\`${name}.test\`)${rule === '' ? '' : ` && ${rule}`}`,
    ...more.map((label) => `traefik.http.${label}`),
  ];
}

/** Labels with a second router before the first, to instances on another port. */
function split(name: string, rule: string): readonly string[] {
  return [
    ...labels(name, '', `routers.${name}.priority=10`, `routers.${name}.service=${name}`, `services.${name}.loadbalancer.server.port=81`),
    ...labels(`${name}-b`, rule, `routers.${name}-b.priority=20`, `routers.${name}-b.service=${name}-b`).map((label) =>
      label.replace(`Host(\`${name}-b.test\`)`, `Host(\`${name}.test\`)`),
    ),
    `traefik.http.services.${name}-b.loadbalancer.server.port=82`,
  ];
}

/** Labels with one middleware. */
function withMiddleware(name: string, ...options: readonly string[]): readonly string[] {
  return labels(name, '', `routers.${name}.middlewares=${name}`, ...options.map((option) => `middlewares.${name}.${option}`));
}

const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

/** What a migration gets wrong: each must be found, on whichever proxy. */
export const PLANTED: readonly Planted[] = [
  {
    name: 'weight',
    old: ['urlprefix-weight.test/ weight=0.75'],
    new: ['urlprefix-weight.test/ weight=0.25'],
    beside: { old: ['urlprefix-weight.test/'], new: ['urlprefix-weight.test/'] },
    differs: ['instance'],
  },
  {
    name: 'instances',
    old: ['urlprefix-instances.test/'],
    new: ['urlprefix-instances.test/'],
    beside: { old: ['urlprefix-instances.test/'], new: [] },
    differs: ['instance'],
  },
  { name: 'strip', old: ['urlprefix-strip.test/a strip=/a'], new: ['urlprefix-strip.test/a'], differs: ['path'] },
  {
    name: 'priority',
    old: [
      ...labels(
        'priority',
        '',
        'routers.priority.priority=10',
        'routers.priority.service=priority',
        'services.priority.loadbalancer.server.port=81',
      ),
      'traefik.http.routers.priority-a.rule=Host(`priority.test`) && PathPrefix(`/a`)',
      'traefik.http.routers.priority-a.priority=20',
      'traefik.http.routers.priority-a.service=priority-a',
      'traefik.http.services.priority-a.loadbalancer.server.port=82',
    ],
    new: [
      ...labels(
        'priority',
        '',
        'routers.priority.priority=10',
        'routers.priority.service=priority',
        'services.priority.loadbalancer.server.port=81',
      ),
      'traefik.http.routers.priority-a.rule=Host(`priority.test`) && PathPrefix(`/a`)',
      'traefik.http.routers.priority-a.priority=5',
      'traefik.http.routers.priority-a.service=priority-a',
      'traefik.http.services.priority-a.loadbalancer.server.port=82',
    ],
    differs: ['instance'],
  },
  { name: 'tls', old: labels('tls', '', 'routers.tls.tls=true'), new: labels('tls'), differs: ['status'] },
  { name: 'case', old: labels('case', 'PathRegexp(`(?i)^/up/`)'), new: labels('case', 'PathRegexp(`^/up/`)'), differs: ['status'] },
  { name: 'slash', old: labels('slash', 'PathPrefix(`/dir`)'), new: labels('slash', 'PathPrefix(`/dir/`)'), differs: ['status'] },
  {
    name: 'auth',
    old: withMiddleware('auth', `basicauth.users=oracle:${HASH}`),
    new: labels('auth'),
    differs: ['status'],
  },
  {
    name: 'users',
    old: withMiddleware('users', `basicauth.users=oracle:${HASH}`),
    new: withMiddleware('users', `basicauth.users=delphi:${HASH}`),
    differs: ['users (by the tags)'],
  },
  {
    name: 'redirect',
    old: ['urlprefix-redirect.test/ redirect=301,https://www.test/'],
    new: ['urlprefix-redirect.test/ redirect=302,https://www.test/'],
    differs: ['status'],
  },
  {
    name: 'location',
    old: ['urlprefix-location.test/ redirect=301,https://www.test$path'],
    new: ['urlprefix-location.test/ redirect=301,https://www.test/'],
    differs: ['location'],
  },
  {
    name: 'header',
    old: labels('header'),
    new: withMiddleware('header', 'headers.customrequestheaders.X-Team=web'),
    differs: ['request header x-team'],
  },
  {
    name: 'answerheader',
    old: withMiddleware('answerheader', 'headers.customresponseheaders.X-Frame-Options=DENY'),
    new: labels('answerheader'),
    differs: ['answer header x-frame-options'],
  },
  { name: 'host', old: ['urlprefix-host.test/', 'urlprefix-www.host.test/'], new: ['urlprefix-host.test/'], differs: ['status'] },
  {
    name: 'port',
    old: labels('port'),
    new: labels('port', '', 'services.port.loadbalancer.server.port=9090'),
    differs: ['instance'],
  },
  { name: 'prefix', old: ['urlprefix-prefix.test/api'], new: ['urlprefix-prefix.test/apis'], differs: ['status'] },
  {
    name: 'allow',
    old: ['urlprefix-allow.test/ allow=ip:127.0.0.0/8'],
    new: ['urlprefix-allow.test/ allow=ip:10.0.0.0/8'],
    differs: ['status'],
  },
  {
    name: 'scheme',
    old: ['urlprefix-scheme.test/ proto=https tlsskipverify=true'],
    new: ['urlprefix-scheme.test/'],
    differs: ['spoken to by'],
  },
  {
    name: 'unverified',
    old: ['urlprefix-unverified.test/ proto=https'],
    new: ['urlprefix-unverified.test/ proto=https tlsskipverify=true'],
    differs: ['spoken to by'],
  },
  {
    name: 'passhost',
    old: labels('passhost'),
    new: labels('passhost', '', 'services.passhost.loadbalancer.passhostheader=false'),
    differs: ['host'],
  },
  { name: 'hostdst', old: ['urlprefix-hostdst.test/ host=dst'], new: ['urlprefix-hostdst.test/'], differs: ['host'] },
  {
    name: 'regexp',
    old: labels('regexp', 'PathRegexp(`^/v[0-9]+$`)'),
    new: labels('regexp', 'PathRegexp(`^/v[0-9]$`)'),
    differs: ['status'],
  },
  { name: 'method', old: labels('method', 'Method(`GET`)'), new: labels('method'), differs: ['status'] },
  { name: 'query', old: labels('query', 'Query(`v`, `1`)'), new: labels('query', 'Query(`v`, `2`)'), differs: ['status'] },
  {
    name: 'condition',
    old: labels('condition', 'Header(`X-Version`, `1`)'),
    new: labels('condition', 'Header(`X-Version`, `2`)'),
    differs: ['status'],
  },
  { name: 'addprefix', old: labels('addprefix'), new: withMiddleware('addprefix', 'addprefix.prefix=/v2'), differs: ['path'] },
  {
    name: 'replace',
    old: withMiddleware('replace', 'replacepath.path=/one'),
    new: withMiddleware('replace', 'replacepath.path=/two'),
    differs: ['path'],
  },
  {
    name: 'sticky',
    old: labels('sticky', '', 'services.sticky.loadbalancer.sticky.cookie.name=at'),
    new: labels('sticky'),
    beside: { old: labels('sticky', '', 'services.sticky.loadbalancer.sticky.cookie.name=at'), new: labels('sticky') },
    differs: ['answer header set-cookie'],
  },
  {
    name: 'cors',
    old: withMiddleware('cors', 'headers.accesscontrolalloworiginlist=https://a.test', 'headers.accesscontrolallowmethods=GET,PUT'),
    new: labels('cors'),
    differs: ['answer header access-control-allow-origin'],
  },
  {
    name: 'limit',
    old: withMiddleware('limit', 'inflightreq.amount=10'),
    new: labels('limit'),
    // a stock Caddy cannot keep it, and withholds the route
    differs: ['inFlight (by the tags)', 'status'],
  },
  {
    name: 'check',
    old: labels('check', '', 'services.check.loadbalancer.healthcheck.path=/health'),
    new: labels('check'),
    differs: ['health check (by the tags)'],
  },
  {
    name: 'postroute',
    old: [...split('postroute', 'Method(`POST`)')],
    new: labels('postroute', '', 'services.postroute.loadbalancer.server.port=81'),
    differs: ['instance'],
  },
  {
    name: 'socket',
    old: [...split('socket', 'Header(`Upgrade`, `websocket`)')],
    new: labels('socket', '', 'services.socket.loadbalancer.server.port=81'),
    differs: ['instance'],
  },
  {
    name: 'cookie',
    old: labels('cookie', '', 'services.cookie.loadbalancer.sticky.cookie.name=at'),
    new: labels('cookie', '', 'services.cookie.loadbalancer.sticky.cookie.name=on'),
    beside: {
      old: labels('cookie', '', 'services.cookie.loadbalancer.sticky.cookie.name=at'),
      new: labels('cookie', '', 'services.cookie.loadbalancer.sticky.cookie.name=on'),
    },
    differs: ['answer header set-cookie'],
  },
  {
    name: 'gzip',
    old: withMiddleware('gzip', 'compress=true'),
    new: labels('gzip'),
    differs: ['answer header content-encoding', 'compression (by the tags)'],
  },
  {
    name: 'found',
    old: ['urlprefix-found.test/ redirect=302,https://www.test/'],
    new: ['urlprefix-found.test/ redirect=307,https://www.test/'],
    differs: ['status'],
  },
  {
    name: 'moved',
    old: ['urlprefix-moved.test/ redirect=301,https://www.test/'],
    new: ['urlprefix-moved.test/ redirect=308,https://www.test/'],
    differs: ['status'],
  },
  {
    name: 'lostquery',
    old: withMiddleware('lostquery', 'redirectregex.regex=^https?://[^/]+(/.*)$', 'redirectregex.replacement=https://www.test${1}'),
    new: withMiddleware('lostquery', 'redirectregex.regex=^https?://[^/]+(/[^?]*).*$', 'redirectregex.replacement=https://www.test${1}'),
    differs: ['location'],
  },
  {
    name: 'zero',
    old: labels('zero', '', 'services.zero.loadbalancer.server.weight=0'),
    new: labels('zero'),
    beside: { old: labels('zero'), new: labels('zero') },
    differs: ['instance'],
  },
  {
    name: 'sixth',
    old: ['urlprefix-sixth.test/ allow=ip:127.0.0.0/8,ip:2001:db8::/32'],
    new: ['urlprefix-sixth.test/ allow=ip:127.0.0.0/8'],
    differs: ['allowed addresses (by the tags)'],
  },
  {
    name: 'body',
    old: withMiddleware('body', 'buffering.maxrequestbodybytes=1000'),
    new: labels('body'),
    differs: ['maxBody (by the tags)'],
  },
  {
    name: 'permanent',
    old: withMiddleware('permanent', 'redirectscheme.scheme=https', 'redirectscheme.permanent=true'),
    new: withMiddleware('permanent', 'redirectscheme.scheme=https'),
    differs: ['status'],
  },
  {
    name: 'hsts',
    old: withMiddleware('hsts', 'headers.stsseconds=31536000', 'headers.forcestsheader=true'),
    new: labels('hsts'),
    differs: ['answer header strict-transport-security'],
  },
  {
    name: 'removed',
    old: withMiddleware('removed', 'headers.customresponseheaders.X-Powered-By='),
    new: labels('removed'),
    differs: ['headers taken from answers (by the tags)'],
  },
  {
    name: 'hidden',
    old: withMiddleware('hidden', 'headers.customrequestheaders.X-Debug='),
    new: labels('hidden'),
    differs: ['request header x-debug'],
  },
  {
    name: 'realm',
    old: withMiddleware('realm', `basicauth.users=oracle:${HASH}`, 'basicauth.realm=one'),
    new: withMiddleware('realm', `basicauth.users=oracle:${HASH}`, 'basicauth.realm=two'),
    differs: ['realm (by the tags)'],
  },
  {
    name: 'error',
    old: withMiddleware('error', 'errors.status=500-599', 'errors.service=error', 'errors.query=/{status}.html'),
    new: labels('error'),
    differs: ['errors (by the tags)', 'status', 'error pages (by the tags)'],
  },
  {
    name: 'again',
    old: withMiddleware('again', 'retry.attempts=3'),
    new: labels('again'),
    differs: ['retry (by the tags)', 'status'],
  },
  {
    name: 'rate',
    old: withMiddleware('rate', 'ratelimit.average=1', 'ratelimit.burst=1'),
    new: labels('rate'),
    differs: ['rateLimit (by the tags)', 'status'],
  },
  {
    name: 'regexhost',
    old: ['traefik.enable=true', 'traefik.http.routers.regexhost.rule=HostRegexp(`^[a-z]+\\.regexhost\\.test$`)'],
    new: ['traefik.enable=true', 'traefik.http.routers.regexhost.rule=HostRegexp(`^[a-z-]+\\.regexhost\\.test$`)'],
    differs: ['status'],
  },
  {
    name: 'stripregex',
    old: withMiddleware('stripregex', 'stripprefixregex.regex=^/v[0-9]+'),
    new: withMiddleware('stripregex', 'stripprefixregex.regex=^/v[0-9]'),
    differs: ['path'],
  },
  {
    name: 'glob',
    old: ['urlprefix-*.glob.test/'],
    new: ['urlprefix-a.glob.test/'],
    differs: ['status'],
  },
];
