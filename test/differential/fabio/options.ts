import { words, type Random } from '../random.ts';

/** Options of one tag; none of them stops Fabio. Half of the tags have none. */
export function randomOptions(random: Random, catalog: string): readonly string[] {
  const kinds = Array.from({ length: random.pick([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3]) }, () => random.pick(KINDS));
  return kinds.flatMap((kind) => optionsOf(random, kind, catalog));
}

const KINDS = [
  'strip',
  'strip',
  'strip',
  'prepend',
  'prepend',
  'both',
  'host',
  'host',
  'proto',
  'proto',
  'weight',
  'weight',
  'redirect',
  'redirect',
  'redirect',
  'allow',
  'deny',
  'auth',
  'ignored',
  'ignored',
  'twice',
  'spoken',
] as const;

const STRIPS = ['/a', '/a', '/a', '/a/b', '/a/', '/', '/b', '/A', '', 'a', '/a%20b', '/ab', '/a+b', '/a/b/c', '/x'];
const PREPENDS = ['/p', '/p', '/p', 'p', '/p/', '', '/p/q', '/p%20q', '/p+q', '/p@q', '/{x}', '/p.q/', '/'];
const REDIRECTS = words(
  'https://r.io$path https://r.io$path https://r.io/fixed https://$host/new https://$host$path http://$host$path',
  'https://r.io/x$path https://r.io/$path /rel /rel$path https://r.io https://r.io?x=1 https://r.io$path?x=1 https://r.io/$host',
  'https://r.io/a%20b https://r.io/#top https://r.io/$path/z',
);
const LISTS = words(
  'ip:127.0.0.2 ip:127.0.0.2 ip:127.0.0.0/8 ip:127.0.0.2/31 ip:127.0.0.1,ip:127.0.0.2 ip:10.0.0.0/8 ip:::1',
  'ip:127.0.0.1,ip:10.1.2.3 ip:127.0.0.1,ip:fe80::/10 ip:0.0.0.0/0 ip:127.0.0.0/8,ip:nonsense ip:127.0.0.1,10.0.0.0/8',
);
const WEIGHTS = ['0.25', '0.25', '0.1', '0.5', '0.5', '1', '3', '0', '-1', '', '1e-1', '0.0001', '+0.5', '.3', '100'];
const IGNORED = words(
  'lb=rr foo=bar timeout=5s register=alias Strip=/a tlsskipverify=true tlskipverify=true pxyproto=true HOST=dst proto=http proto=ws',
  'proto=HTTPS proto=tcp+sni proto=https+tcp+sni proto= strip = a=b=c host STRIP=/A',
);

function optionsOf(random: Random, kind: (typeof KINDS)[number], catalog: string): readonly string[] {
  switch (kind) {
    case 'strip':
      return [`strip=${random.pick(STRIPS)}`];
    case 'prepend':
      return [`prepend=${random.pick(PREPENDS)}`];
    case 'both':
      return [`strip=${random.pick(STRIPS)}`, `prepend=${random.pick(PREPENDS)}`];
    case 'host':
      return [
        `host=${random.pick(['dst', 'dst', `in.${catalog}.test`, 'name', `in.${catalog}.test:8080`, 'DST', `IN.${catalog}.test`, ''])}`,
      ];
    case 'proto':
      return random.pick([['proto=https', 'tlsskipverify=true'], ['proto=https', 'tlsskipverify=true'], ['proto=https'], ['proto=http']]);
    case 'spoken':
      return [random.pick(['proto=tcp', 'proto=grpc', 'proto=grpcs', 'proto=tcp'])];
    case 'weight':
      return [`weight=${random.pick(WEIGHTS)}`];
    case 'redirect':
      return [`redirect=${random.pick(['301', '301', '302', '302', '303', '307', '308', '300'])},${random.pick(REDIRECTS)}`];
    case 'allow':
    case 'deny':
      return [`${kind}=${random.pick(LISTS)}`];
    case 'auth':
      return [`auth=${random.chance(0.9) ? 'mybasicauth' : 'unknown'}`];
    case 'ignored':
      return [random.pick(IGNORED)];
    case 'twice':
      return random.pick([
        ['strip=/a', 'strip=/a/b'],
        ['host=dst', `host=in.${catalog}.test`],
        ['prepend=/p', 'prepend=/q'],
        ['weight=3', 'weight=1'],
      ]);
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}
