import type { EchoPorts, Placing, Registered } from '../generator.ts';
import { createRandom, words, type Random } from '../random.ts';
import { randomOptions } from './options.ts';

/** A generated catalog of services with Fabio tags. */
export interface FabioCatalog {
  /** Stands in every host, or in the path of routes without one, unless the catalog is free. */
  readonly name: string;
  readonly seed: string;
  readonly instances: readonly Registered[];
  /** What its routes ask for, for the requests. */
  readonly asked: readonly AskedFor[];
}

/** Host and path as a tag has them. */
export interface AskedFor {
  readonly host: string;
  readonly path: string;
}

/** Where a catalog goes; one that is alone is free. */
export interface FabioPlacing extends Placing {
  readonly isAlone: boolean;
}

/** Each so many catalogs have one that asks for hosts and paths of everybody. */
const FREE_EVERY = 25;

/** Paths of routes. None of them stops Fabio. */
export const PATHS: readonly string[] = words(
  "/ / / /a /a /a/ /a/b /a/b /a/b/ /A /ab /a.b /b /b /a/b/c /x-y_z /7/ /a+b /a@b /a~b /a=b /a;b /a,b /a(b) /a:b /a'b /a&b /a!b",
  '/a* /a*/b /* /a%20b /caf%C3%A9 /v$1/x /${DC}/p /$DC /a$ /$X/a /a?b /[ab] /{a,b} /{x}/y /a//b /a/./b /a|b',
);

/** Hosts of routes. None of them stops Fabio. */
export function routeHosts(random: Random, domain: string): string {
  const [name = ''] = domain.split('.');
  const kind = random.pick(['exact', 'exact', 'exact', 'below', 'below', 'port', 'glob', 'glob', 'glob', 'odd'] as const);
  switch (kind) {
    case 'exact':
      return random.pick([domain, domain, domain.toUpperCase(), `a.${domain}`]);
    case 'below':
      return random.pick([`a.${domain}`, `b.${domain}`, `b.a.${domain}`, `c.b.a.${domain}`]);
    case 'port':
      return `${random.pick([domain, `a.${domain}`, `*.${domain}`, `*${domain}`])}:${random.pick(['80', '443', '8080'])}`;
    case 'glob':
      return random.pick([
        `*.${domain}`,
        `*.${domain}`,
        `*${domain}`,
        `*.a.${domain}`,
        `[ab].${domain}`,
        `{a,b}.${domain}`,
        `{a,b,c.b.a}.${domain}`,
        `b?.${domain}`,
        `?.${domain}`,
        `a*.${domain}`,
        `*-x.${domain}`,
        `[!a].${domain}`,
        `[a-c].${domain}`,
        `{a,*.a}.${domain}`,
        `b.${name}.*`,
        `a*.*${domain}`,
        `**.${domain}`,
        `*.${domain.toUpperCase()}`,
        `${name}*`,
        `{${domain},a.${domain}}`,
      ]);
    case 'odd':
      return random.pick([
        `${domain}.`,
        `$DC.${domain}`,
        `x_y.${domain}`,
        `-x.${domain}`,
        `$(x).${domain}`,
        `$X.${domain}`,
        `x-y.${domain}`,
      ]);
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

/** The catalog of a seed and a number: the same but for addresses and ports, wherever it is placed. */
export function generateFabioCatalog(seed: string | number, number: number, { place, ports, isAlone }: FabioPlacing): FabioCatalog {
  const random = createRandom(seed, number, 'fabio');
  const name = `c${number}x`;
  const confinement = isAlone || number % FREE_EVERY === 0 ? 'free' : random.pick(['host', 'host', 'path'] as const);
  const asked: AskedFor[] = [];
  let count = 0;
  // as people have it: few routes that many services ask for
  const routes = Array.from({ length: 3 + random.below(9) }, () => randomRoute(random, name, confinement));
  const instances = Array.from({ length: 1 + random.below(6) }, (_, index) => `${name}-${'abcdefg'.charAt(index)}`).flatMap((service) => {
    const picked = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3]) }, () => random.pick(routes));
    const chosen = random.chance(0.04) ? picked : [...new Set(picked)];
    asked.push(...chosen);
    const drafts = chosen.map((route) => ({ route, options: randomOptions(random, name) }));
    const scheme = drafts.find(({ options }) => /proto=(https|grpcs)/.test(options.join(' '))) ? 'https' : 'http';
    return Array.from({ length: random.pick([1, 1, 1, 1, 2, 3]) }, (_, index): Registered => {
      count += 1;
      const own = drafts.map(({ route, options }) => ({
        route,
        options: index > 0 && random.chance(0.2) ? weighted(random, options) : options,
      }));
      return {
        service,
        id: `${service}-${index + 1}`,
        address: `127.${20 + Math.floor(place / 250)}.${place % 250}.${count}`,
        port: portOf(random, scheme, ports),
        tags: own.map(({ route, options }) => printTag(random, route, options)),
        status: random.chance(0.95) ? 'passing' : random.pick(['warning', 'critical', 'unchecked']),
      };
    });
  });
  return { name, seed: `${seed}`, instances, asked };
}

function randomRoute(random: Random, name: string, confinement: 'free' | 'host' | 'path'): AskedFor {
  const base = confinement === 'path' ? `/${name}` : '';
  const isHostless = confinement !== 'host' && random.chance(0.4);
  const path = `${base}${random.pick(PATHS)}`;
  if (!isHostless)
    return { host: routeHosts(random, `${name}.test`), path: confinement === 'path' && random.chance(0.3) ? random.pick(PATHS) : path };
  return { host: confinement === 'free' && random.chance(0.4) ? random.pick(['*', '*.test', '*:80', '*:443', 'c*', '*:8080']) : '', path };
}

/** Another weight for one instance. */
function weighted(random: Random, options: readonly string[]): readonly string[] {
  return [...options.filter((option) => !option.startsWith('weight=')), random.pick(['weight=0.2', 'weight=2', 'weight=0'])];
}

function portOf(random: Random, scheme: 'http' | 'https', { http, https }: EchoPorts): number {
  return (scheme === 'https') === random.chance(0.97) ? https : http;
}

function printTag(random: Random, { host, path }: AskedFor, options: readonly string[]): string {
  const blank = (): string => (random.chance(0.9) ? ' ' : random.pick(['  ', '   ']));
  const route = path === '/' && host !== '' && !host.includes('$') && random.chance(0.15) ? host : `${host}${path}`;
  const before = random.chance(0.04) ? ' ' : '';
  const after = random.chance(0.06) ? ' ' : '';
  return `urlprefix-${before}${route}${options.map((option) => `${blank()}${option}`).join('')}${after}`;
}
