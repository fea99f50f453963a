import { createRandom, type Random } from '../random.ts';
import type { Asked } from '../requests.ts';
import { PATHS, type FabioCatalog } from './catalog.ts';

const SOURCES = ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3'];
const RIGHT = `Basic ${Buffer.from('oracle:oracle').toString('base64')}`;
const WRONG = `Basic ${Buffer.from('oracle:x').toString('base64')}`;

/** Requests for a catalog: most fit one of its routes, many are changed a little. */
export function generateFabioRequests(catalog: FabioCatalog, count: number): readonly Asked[] {
  const random = createRandom(catalog.seed, catalog.name, 'fabio requests');
  return Array.from({ length: count }, () => {
    const { host, path } = random.pick(catalog.asked);
    let asked: Asked = {
      tls: random.chance(0.35),
      host: askedHost(random, random.chance(0.75) ? host : random.pick(catalog.asked).host, catalog.name),
      path: askedPath(random, path),
      method: random.chance(0.8) ? 'GET' : random.pick(['POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE']),
      headers: wished(random),
      from: random.pick(SOURCES),
    };
    for (let changes = random.pick([0, 0, 1, 1, 2]); changes > 0; changes -= 1) asked = nearMiss(random, asked, catalog);
    return { ...asked, path: asked.path.replace(/^(\/|%2f){2,}/i, '/') };
  });
}

/** A host that a pattern takes, as a rule. */
function askedHost(random: Random, pattern: string, catalog: string): string {
  const host = pattern.replace(/:(80|443)$/, (port) => (random.chance(0.3) ? port : ''));
  if (host === '') return random.pick([`${catalog}.test`, `z.${catalog}.test`, `none-${catalog}.org`]);
  return host
    .replaceAll('$DC', 'dc1')
    .replace(/\$\(?[A-Za-z]+\)?/, '')
    .replace(/\{([^}]*)\}/g, (_, inner: string) => random.pick(inner.split(',')))
    .replace(/\[!?([^\]]*)\]/g, () => random.pick(['a', 'b', 'z']))
    .replace('**', '*')
    .replaceAll('*', () => random.pick(['a', 'b', 'x.y', 'b.a', '', 'z-x']))
    .replaceAll('?', () => random.pick(['a', 'b', '.']));
}

/** A path that a prefix takes, as a rule. */
function askedPath(random: Random, prefix: string): string {
  const plain = random.chance(0.9) ? prefix.replace(/\$\{?DC\}?/, 'dc1').replace(/\$[1X]/, '') : random.pick(PATHS);
  const sent = plain.replace(/[|{}[\]]/g, (char) => (random.chance(0.5) ? `%${char.charCodeAt(0).toString(16)}` : char));
  return `${sent}${random.pick(['', '', '', '', '/', 'x', '/b', '/b/c?q=1', '?q=1', '?', '/x.y', 'b', '/a/b'])}`;
}

function wished(random: Random): Asked['headers'] {
  const headers: (readonly [string, string])[] = [];
  if (random.chance(0.25)) headers.push(['Authorization', random.pick([RIGHT, RIGHT, WRONG])]);
  if (random.chance(0.1)) headers.push(['X-Forwarded-Proto', random.pick(['https', 'http'])]);
  if (random.chance(0.1)) headers.push(['X-Forwarded-For', random.pick(['10.1.2.3', '127.0.0.2', '10.1.2.3, 127.0.0.2', 'unknown'])]);
  return headers;
}

const CHANGES = [
  'hostCase',
  'hostDot',
  'hostPort',
  'hostPort',
  'host',
  'pathCase',
  'slash',
  'dots',
  'slashes',
  'encoded',
  'encoded',
] as const;

/** A request that differs a little from another. What counts as a quirk of Fabio is left out: a path decoded twice, `//` at its start. */
function nearMiss(random: Random, asked: Asked, { name }: FabioCatalog): Asked {
  const { host, path } = asked;
  const [plain = '', query] = path.split('?');
  const withPath = (changed: string): Asked => ({ ...asked, path: query === undefined ? changed : `${changed}?${query}` });
  const kind = random.pick(CHANGES);
  switch (kind) {
    case 'hostCase':
      return { ...asked, host: host.toUpperCase() };
    case 'hostDot':
      return { ...asked, host: `${host}.` };
    case 'hostPort':
      return { ...asked, host: `${host.replace(/:\d+$/, '')}:${random.pick(['80', '443', '8080', '8081'])}` };
    case 'host':
      return { ...asked, host: random.pick([`x.${host}`, `x${host}`, host.replace(/^[^.]+\./, ''), `none.${name}.test`, `.${name}.test`]) };
    case 'pathCase':
      return withPath(random.chance(0.5) ? plain.toUpperCase() : plain.toLowerCase());
    case 'slash':
      return withPath(plain.endsWith('/') && plain !== '/' ? plain.slice(0, -1) : `${plain}/`);
    case 'dots':
      return withPath(
        random.pick([`/x/..${plain}`, `${plain}/.`, `${plain}/../b`, `/.${plain}`, `${plain}/%2e%2e/x`, `/../..${plain}`, `${plain}/..`]),
      );
    case 'slashes':
      return withPath(random.pick([`${plain}//x`, plain.replace(/(?<=.)\/([^/]*)$/, '//$1'), `${plain}//`, `${plain}///b`]));
    case 'encoded':
      return withPath(encoded(random, plain));
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

function encoded(random: Random, plain: string): string {
  return random.pick([
    plain.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    plain.replace(/[@+~=;,():'&!*$]/, (char) => `%${char.charCodeAt(0).toString(16)}`),
    plain.replace(/.\//, (found) => `${found[0] ?? ''}%2F`),
    `${plain}%2Fx`,
    `${plain}%2fx/y`,
    `${plain}%20b`,
    `${plain}/%c3%a9`,
    `${plain}%C3%A9/x`,
    `${plain}+b`,
    `${plain};b=1`,
    `${plain}%5Cx`,
    `${plain}%7Bx%7D`,
    `${plain}%zz`,
  ]);
}
