import fc from 'fast-check';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const glob = fc.constantFrom('*', '*.a.io', 'b?.io', '[ab].io', '[!a-c]x.io', '{a,b}.c.io', 'a*z.io', '{a,*.b}.io', '$(x).io');
const address = fc.constantFrom('127.0.0.1', '10.1.2.3');
const segment = fc.stringMatching(/^[A-Za-z0-9_~!&'()+;=:@-][A-Za-z0-9._~!&'()+;=:@-]{0,6}$/);
const path = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
  .map(([segments, slash]) => (segments.length === 0 ? '/' : `/${segments.join('/')}${slash ? '/' : ''}`));

/** The part of a tag that says where requests come in. */
const httpRoute = fc
  .tuple(fc.oneof(fc.constant(''), name, glob, address), fc.constantFrom('', '', ':80', ':443', ':8080'), path)
  .map(([host, port, text]) => (host === '' ? text : `${host}${port}${text}`));

const cidr = fc.constantFrom('10.0.0.0/8', '127.0.0.1', '::1', '2001:db8::/32');
const addresses = fc.array(cidr, { minLength: 1, maxLength: 3 }).map((items) => items.map((item) => `ip:${item}`).join(','));
const access = fc.oneof(
  addresses.map((list) => `allow=${list}`),
  addresses.map((list) => `deny=${list}`),
);
const weight = fc.constantFrom('weight=0.25', 'weight=3', 'weight=1e-7');
const extension = fc.constantFrom(
  'lb=round_robin',
  'lb=ip_hash',
  'lb=p2c',
  'sticky',
  'sticky=lb_cookie',
  'health=/ok?x=1 health.interval=1500ms health.timeout=2m health.status=204',
  'health.mode=grpc health.port=81 health.host=c.io health.scheme=https health.method=HEAD',
  'health.maxfails=3 health.window=30s',
);
const kept = fc.constantFrom('foo=bar', 'register=me', 'bare', 'proto=tcp+sni');
const upstream = fc.constantFrom(
  '',
  'host=dst',
  'host=In.io:81',
  'proto=https',
  'proto=https tlsskipverify=true',
  'proto=https host=in.io tlsskipverify=true',
  'proto=https host=dst',
);
const url = fc.constantFrom(
  'https://y.io/',
  'https://y.io$path',
  'https://$host/a%2Cb/$path?x=1',
  '/x/',
  'http://y.io:81/a%20b',
  'https://www.$host$path',
);
const redirect = fc.tuple(fc.constantFrom('301', '302', '307', '399'), url).map(([code, to]) => `redirect=${code},${to}`);

const some = (option: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof({ arbitrary: fc.constant(''), weight: 2 }, option);
const tag = (route: fc.Arbitrary<string>, ...options: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(route, ...options).map((parts) => `urlprefix-${parts.filter((part) => part !== '').join(' ')}`);

const calls = fc.constantFrom('proto=grpc', 'proto=grpcs tlsskipverify=true grpcservername=n.io', 'proto=grpcs');
const strip = path.map((text) => `strip=${text}`);
const prepend = path.map((text) => `prepend=${text}`);
const tcpRoute = fc.oneof(fc.constantFrom(':3306', '127.0.0.1:1234', '127.0.0.1/', 'a.io:1234/'), httpRoute, name);

/** Tags of every form and option that Fabio honours, each without a fault. */
export const fabioTags: fc.Arbitrary<string> = fc.oneof(
  tag(httpRoute, upstream, some(weight), some(access), some(strip), some(prepend), some(extension), some(kept)),
  tag(httpRoute, some(weight), some(access), some(strip), redirect, some(kept)),
  tag(httpRoute, calls, some(weight), some(access), some(extension)),
  tag(tcpRoute, fc.constant('proto=tcp'), some(fc.constant('pxyproto=true')), some(weight), some(access)),
  tag(httpRoute, fc.constant('auth=staff'), some(access)),
  tag(fc.constant(':3306'), some(weight)),
);
