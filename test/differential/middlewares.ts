import type { Random } from './random.ts';

/** Labels behind the name of a middleware, as `key=value`. */
export type Fields = readonly string[];

/** The password of `u` is `p`. */
export const AUTHORIZATION: string = `Basic ${Buffer.from('u:p').toString('base64')}`;
const BCRYPT = 'u:$2a$05$jdWDfW8.8w7fN9SFwLSWmOqq48JnX8cTxDXS3FPYvo3I4wnmiMnGu';
const SHA1 = 'u:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k=';

/** The kinds of http middlewares, each with what labels of it may say. */
const KINDS: Readonly<Record<string, (random: Random, catalog: string) => Fields>> = {
  addPrefix: (random) => [`addprefix.prefix=${random.pick(['/added', '/added/', 'added', '/a%20b', '/'])}`],
  stripPrefix: (random) => [
    `stripprefix.prefixes=${random.pick(['/api', '/api/', '/api,/a', '/a, /api/v1', 'api', '/', '/foo%20bar', '/foo bar'])}`,
    ...optional(random, 0.15, 'stripprefix.forceslash', ['true', 'false']),
  ],
  stripPrefixRegex: (random) => [
    `stripprefixregex.regex=${random.pick(['^/api/v[0-9]+', '/[a-z]+', '^/(a|api)/', '/a,/api/v[0-9]', '^/a\\b'])}`,
  ],
  replacePath: (random) => [`replacepath.path=${random.pick(['/new', '/new/', 'new', '/new%20path', '/new?x=1', '/new path'])}`],
  replacePathRegex: (random) => {
    const [regex, replacement] = random.pick([
      ['^/api/(.*)', '/v3/$1'],
      ['^/api/(.*)', '/${1}/end'],
      ['^/([a-z]+)/?(.*)$', '/$2/$1'],
      ['/v[0-9]', ''],
      ['^/a', '/b?x=$0'],
      ['(?P<first>[a-z]+)', '${first}-$first'],
    ]);
    return [`replacepathregex.regex=${regex}`, `replacepathregex.replacement=${replacement}`];
  },
  redirectScheme: (random) => [
    `redirectscheme.scheme=${random.pick(['https', 'https', 'http', 'HTTPS', 'wss'])}`,
    ...optional(random, 0.3, 'redirectscheme.port', ['443', '8443', '80', '0443', '"443"']),
    ...optional(random, 0.5, 'redirectscheme.permanent', ['true', 'false']),
  ],
  redirectRegex: (random, catalog) => {
    const [regex, replacement] = random.pick([
      ['^https?://([^/]+)/api/(.*)', `https://b.${catalog}.test/$2`],
      [`^http://a\\.${catalog}\\.test/(.*)`, `http://b.${catalog}.test/\${1}`],
      ['^(https?)://(www\\.)?([^:/]+)(:[0-9]+)?/?(.*)$', '$1://new.$3/$5'],
      ['/api', '/moved'],
      ['(.*)', '$1/extra'],
      ['^http://[^/]+/(a|api)$', '/relative/$1?from=$1'],
      ['\\?(.*)$', '?again=$1'],
    ]);
    return [
      `redirectregex.regex=${regex}`,
      `redirectregex.replacement=${replacement}`,
      ...optional(random, 0.4, 'redirectregex.permanent', ['true', 'false']),
    ];
  },
  ipAllowList: (random) => {
    const name = random.chance(0.9) ? 'ipallowlist' : 'ipwhitelist';
    return [
      `${name}.sourcerange=${random.pick(['127.0.0.1/32', '127.0.0.0/24', '10.0.0.0/8, 127.0.0.3', '10.0.0.0/8', '0.0.0.0/0', '::1,127.0.1.0/24', '127.0.0.1'])}`,
      ...optional(random, 0.2, `${name}.ipstrategy.depth`, ['1', '2', '0']),
      ...optional(random, 0.1, `${name}.ipstrategy.excludedips`, ['127.0.0.66', '127.0.0.0/8, 10.1.0.0/16']),
      ...(name === 'ipallowlist' ? optional(random, 0.15, `${name}.rejectstatuscode`, ['404', '401', '418', '200']) : []),
    ];
  },
  basicAuth: (random) => [
    `basicauth.users=${random.pick([BCRYPT, SHA1, `${BCRYPT},x:y`])}`,
    ...optional(random, 0.3, 'basicauth.realm', ['staff', 'two words']),
    ...optional(random, 0.3, 'basicauth.removeheader', ['true', 'false', '1']),
    ...optional(random, 0.2, 'basicauth.headerfield', ['X-User', 'x-web-user']),
  ],
  digestAuth: (random) => [
    'digestauth.users=u:traefik:d50fc5762c0717224fa3f49d82e218bb',
    ...optional(random, 0.3, 'digestauth.realm', ['staff']),
  ],
  headers: (random, catalog) => headers(random, catalog),
  cors: (random, catalog) => cors(random, catalog),
  security: (random) => security(random),
  rateLimit: (random) => [
    `ratelimit.average=${random.pick(['1000', '0'])}`,
    'ratelimit.burst=1000',
    ...optional(random, 0.3, 'ratelimit.period', ['1s', '1m', '2']),
    ...optional(random, 0.2, 'ratelimit.sourcecriterion.requestheadername', ['X-Tenant']),
  ],
  inFlightReq: () => ['inflightreq.amount=1000'],
  buffering: (random) => random.some(['buffering.maxrequestbodybytes=5', 'buffering.memrequestbodybytes=100'], 1, 2),
  compress: (random) => [random.pick(['compress=true', 'compress.minresponsebodybytes=10', 'compress.encodings=gzip'])],
  contentType: () => ['contenttype.autodetect=true'],
  circuitBreaker: () => ['circuitbreaker.expression=NetworkErrorRatio() > 0.99'],
  retry: (random) => ['retry.attempts=2', ...optional(random, 0.5, 'retry.initialinterval', ['10ms'])],
  grpcWeb: () => ['grpcweb.alloworigins=*'],
  passTlsClientCert: () => ['passtlsclientcert.pem=true'],
};

/** Kinds of middlewares. */
export const MIDDLEWARE_KINDS: readonly string[] = Object.keys(KINDS);

/** What the labels of a middleware of a kind say, some of it wrong. */
export function middlewareFields(random: Random, kind: string, catalog: string): Fields {
  const fields = KINDS[kind]?.(random, catalog) ?? [];
  return random.chance(0.04) ? [...fields, wrongField(random, fields)] : fields;
}

function wrongField(random: Random, fields: Fields): string {
  const [own = 'headers'] = fields[0]?.split(/[.=]/) ?? [];
  return random.pick([
    `${own}.unknown=1`,
    `${own}.permanent=maybe`,
    'plugin.x.y=z',
    'headers.framedeny=yes',
    'basicauth.usersfile=/etc/passwd',
  ]);
}

function headers(random: Random, catalog: string): Fields {
  return random.some(
    [
      `headers.customrequestheaders.X-Added=${random.pick(['one', 'two words', 'a,b', ''])}`,
      'headers.customrequestheaders.X-Tenant=',
      `headers.customrequestheaders.Host=${random.pick([`inner.${catalog}.test`, 'Inner.Example', 'inner.test:8080'])}`,
      `headers.customrequestheaders.x-lower=${random.pick(['l', '$1', '{{env "HOME"}}', '{http.request.host}', '{$HOME}'])}`,
      `headers.customrequestheaders.${random.pick(['X-Forwarded-Proto', 'X-Forwarded-For', 'X-Real-Ip', 'Connection', 'Authorization', 'Cookie'])}=set`,
      `headers.customresponseheaders.X-Answered=${random.pick(['yes', 'a; b="c"', ''])}`,
      'headers.customresponseheaders.X-Backend-Version=',
      `headers.customresponseheaders.${random.pick(['Server', 'Set-Cookie', 'Content-Type', 'Cache-Control', 'Location'])}=mine`,
      'headers.customresponseheaders.X-Backend-Version=proxy',
      `headers.allowedhosts=${random.pick([`a.${catalog}.test`, `a.${catalog}.test, b.${catalog}.test`, `A.${catalog}.test`])}`,
    ],
    1,
    3,
  );
}

function cors(random: Random, catalog: string): Fields {
  return [
    random.pick([
      'headers.accesscontrolalloworiginlist=*',
      `headers.accesscontrolalloworiginlist=https://a.${catalog}.test,https://b.${catalog}.test`,
      'headers.accesscontrolalloworiginlistregex=^https://.*\\.test$',
    ]),
    ...random.some(
      [
        'headers.accesscontrolallowmethods=GET,OPTIONS,PUT',
        'headers.accesscontrolallowheaders=*',
        'headers.accesscontrolallowcredentials=true',
        'headers.accesscontrolmaxage=100',
        'headers.accesscontrolexposeheaders=X-One, X-Two',
        'headers.addvaryheader=true',
      ],
      0,
      4,
    ),
  ];
}

function security(random: Random): Fields {
  return random.some(
    [
      `headers.stsseconds=${random.pick(['60', '31536000', '0', '-1'])}`,
      'headers.stsincludesubdomains=true',
      'headers.stspreload=true',
      'headers.forcestsheader=true',
      'headers.framedeny=true',
      'headers.customframeoptionsvalue=SAMEORIGIN',
      'headers.contenttypenosniff=true',
      'headers.browserxssfilter=true',
      'headers.custombrowserxssvalue=0',
      `headers.contentsecuritypolicy=${random.pick(["default-src 'self'", "script-src 'nonce-$NONCE'"])}`,
      'headers.contentsecuritypolicyreportonly=default-src *',
      'headers.referrerpolicy=same-origin',
      'headers.permissionspolicy=camera=()',
      'headers.isdevelopment=true',
      'headers.sslredirect=true',
    ],
    1,
    5,
  );
}

function optional(random: Random, probability: number, key: string, values: readonly string[]): Fields {
  return random.chance(probability) ? [`${key}=${random.pick(values)}`] : [];
}
