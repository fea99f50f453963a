import type { ServiceInstance } from '../../src/model/catalog.ts';
import { instanceOf, port } from './intents.ts';

/** Tags of a good service on hosts of its own. */
const FORMS: readonly ((host: string) => readonly string[])[] = [
  (host) => [`urlprefix-${host}/`],
  (host) => [`urlprefix-${host}/app strip=/app`, `urlprefix-${host}/`],
  (host) => [`urlprefix-${host}:80/ redirect=308,https://${host}$path`, `urlprefix-${host}:443/`],
  (host) => [`urlprefix-${host}/only weight=0.3 proto=https tlsskipverify=true`],
  (host) => [`https://${host}`],
  (host) => [`https://${host}`, `https://api-${host}/v1*`],
  (host) => [`https://${host}:8443`],
  (host) => routed(host, `Host(\`${host}\`)`),
  (host) => [
    ...routed(host, `Host(\`${host}\`) && PathPrefix(\`/api\`)`, 'middlewares=strip'),
    'traefik.http.middlewares.strip.stripprefix.prefixes=/api',
  ],
  (host) => [
    ...routed(
      host,
      `(Host(\`${host}\`) || Host(\`www-${host}\`)) && !Header(\`X-Old\`, \`1\`)`,
      'entrypoints=websecure',
      'tls=true',
      'middlewares=look@consulcatalog',
    ),
    'traefik.http.middlewares.look.headers.customresponseheaders.X-Look=good',
    `traefik.http.services.${nameOf(host)}.loadbalancer.healthcheck.path=/health`,
  ],
];

function routed(host: string, rule: string, ...more: readonly string[]): readonly string[] {
  const router = `traefik.http.routers.${nameOf(host)}`;
  return ['traefik.enable=true', `${router}.rule=${rule}`, ...more.map((label) => `${router}.${label}`)];
}

function nameOf(host: string): string {
  return host.slice(0, host.indexOf('.'));
}

/** What only hosts of bystanders end in. */
export const BYSTANDER_SUFFIX = '.bystander.test';

/** Good services in all dialects, two instances each, every one on hosts of its own. */
export function bystanders(count: number, overrides: Partial<ServiceInstance> = {}): readonly ServiceInstance[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `good${index}`;
    const tags = FORMS[index % FORMS.length]?.(`${name}${BYSTANDER_SUFFIX}`) ?? [];
    return [1, 2].map((number) =>
      instanceOf(name, {
        instance: `${name}-${number}`,
        address: `10.1.${index}.${number}`,
        port: port(8000 + number),
        tags,
        ...overrides,
      }),
    );
  }).flat();
}

/**
 * What a Caddyfile of ours holds for bystanders: their sites, byte for byte.
 */
export function bystandersOnCaddy(caddyfile: string): readonly string[] {
  return caddyfile
    .trimEnd()
    .split('\n\n')
    .filter((part) => part.slice(0, part.indexOf(' ')).includes(`${BYSTANDER_SUFFIX}:`));
}

/**
 * What a Traefik file of ours holds for bystanders: their routers in the order in which they are asked, and every part that these name,
 * byte for byte but for the priority, which is a place in the order of all.
 */
export function bystandersOnTraefik(file: string): readonly string[] {
  const lines = new Map<string, string>();
  const routers: string[] = [];
  for (const line of file.split('\n')) {
    const name = /^ {6}"([^"]+)": \{/.exec(line)?.[1];
    if (name === undefined) continue;
    const text = line.replace(/,$/, '').replace(/"priority": \d+/, '');
    if (line.includes('"rule": ')) {
      if (line.includes(BYSTANDER_SUFFIX)) routers.push(text);
    } else lines.set(name, text);
  }
  return [...routers, ...namedBy(routers, lines)];
}

/** The parts that texts name, and those that these name. */
function namedBy(texts: readonly string[], lines: ReadonlyMap<string, string>): readonly string[] {
  const found = new Map<string, string>();
  const search = (text: string): void => {
    for (const [, name = ''] of text.matchAll(/"([a-z0-9][a-z0-9-]*-[0-9a-f]{20}[a-z0-9-]*)"/g)) {
      const line = lines.get(name);
      if (line === undefined || found.has(name)) continue;
      found.set(name, line);
      search(line);
    }
  };
  texts.forEach(search);
  return [...found.values()];
}
