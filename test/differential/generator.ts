import { middlewareFields, MIDDLEWARE_KINDS } from './middlewares.ts';
import { createRandom, type Random } from './random.ts';
import { printRule, randomRule, type Rule } from './rules.ts';

/** One registered instance; its address is its own among all catalogs that are loaded together. */
export interface Registered {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly status: 'passing' | 'warning' | 'critical' | 'unchecked';
}

/** The ports that every instance answers on, by what it speaks there. */
export interface EchoPorts {
  readonly http: number;
  readonly other: number;
  readonly https: number;
  readonly h2c: number;
}

/** A generated catalog. */
export interface Catalog {
  /** Stands in every host, or in a path or header, that its rules ask for. */
  readonly name: string;
  readonly seed: string;
  readonly instances: readonly Registered[];
  /** What its routers ask for, for the requests. */
  readonly routers: readonly AskedFor[];
  /** Hosts of services without a rule. */
  readonly defaultHosts: readonly string[];
}

/** What one router asks for. */
export interface AskedFor {
  readonly rule: Rule;
  readonly tls: boolean;
}

/** What a generator is told of where its catalog goes. */
export interface Placing {
  /** Position among the catalogs that are loaded together. */
  readonly place: number;
  readonly ports: EchoPorts;
}

/** The catalog of a seed and a number: the same but for addresses and ports, wherever it is placed. */
export function generateCatalog(seed: string | number, number: number, { place, ports }: Placing): Catalog {
  const random = createRandom(seed, number, 'catalog');
  const name = `c${number}x`;
  const routers: AskedFor[] = [];
  const defaultHosts: string[] = [];
  const drafts = Array.from(
    { length: 1 + random.below(4) },
    (_, index) => `${name}-${random.pick(['web', 'api', 'Shop', 'a.b', 'a_b'])}${index}`,
  );
  const names: Names = { routers: 0, middlewares: [], services: [], catalog: name };
  let count = 0;
  const instances = drafts.flatMap((service) => {
    const labels = serviceLabels(random, service, { names, routers, defaultHosts });
    const scheme = labels.find((label) => /\.server\.scheme=/i.test(label))?.replace(/.*=/, '');
    const size = random.pick([1, 1, 1, 2, 2, 3]);
    return Array.from({ length: size }, (_, index): Registered => {
      count += 1;
      return {
        service,
        id: `${service}-${index}`,
        address: `127.${20 + Math.floor(place / 250)}.${place % 250}.${count}`,
        port: scheme === 'https' ? ports.https : scheme === 'h2c' ? ports.h2c : ports.http,
        tags: index > 0 && random.chance(0.12) ? changed(random, labels, name) : portLabels(labels, ports),
        status: random.chance(0.92) ? random.pick(['passing', 'passing', 'passing', 'unchecked']) : random.pick(['warning', 'critical']),
      };
    }).map((instance) => ({ ...instance, tags: portLabels(instance.tags, ports) }));
  });
  return { name, seed: `${seed}`, instances, routers, defaultHosts };
}

interface Names {
  routers: number;
  readonly middlewares: string[];
  readonly services: string[];
  readonly catalog: string;
}

/** Stands for a port that is known when the labels are placed. */
const OTHER_PORT = 'OTHER_PORT';

function portLabels(labels: readonly string[], ports: EchoPorts): readonly string[] {
  return labels.map((label) => label.replace(OTHER_PORT, `${ports.other}`));
}

interface Draft {
  readonly names: Names;
  readonly routers: AskedFor[];
  readonly defaultHosts: string[];
}

function serviceLabels(random: Random, service: string, draft: Draft): readonly string[] {
  const { names } = draft;
  draft.defaultHosts.push(`${service.replace(/[^A-Za-z0-9]+/g, '-')}.test`);
  const enable = random.chance(0.97)
    ? 'traefik.enable=true'
    : random.pick(['traefik.enable=True', 'traefik.enable=1', 'traefik.enable=false']);
  const declared = random.pick([0, 0, 0, 1, 1, 2]);
  const services = Array.from({ length: declared }, (_, index) => `${names.catalog}-s${names.services.length}${index === 0 ? '' : 'b'}`);
  names.services.push(...services);
  const middlewares = Array.from(
    { length: random.pick([0, 0, 1, 1, 2]) },
    (_, index) => `${names.catalog}-m${names.middlewares.length + index}`,
  );
  const defined = middlewares.flatMap((middleware) => middlewareLabels(random, middleware, { ...names }));
  names.middlewares.push(...middlewares);
  const routers = Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => router(random, draft, services));
  const labels = [
    enable,
    ...routers.flat(),
    ...services.flatMap((name) => serviceOptions(random, name)),
    ...defined,
    ...(random.chance(0.03) ? [strangeLabel(random, names.catalog)] : []),
  ];
  return random.chance(0.1) ? labels.toReversed() : labels;
}

function middlewareLabels(random: Random, name: string, { middlewares, catalog }: Names): readonly string[] {
  if (random.chance(0.07) && middlewares.length > 0)
    return [`traefik.http.middlewares.${name}.chain.middlewares=${random.some(middlewares, 1, 2).join(',')}`];
  const fields = middlewareFields(random, random.pick(MIDDLEWARE_KINDS), catalog);
  return fields.map((field) => `traefik.http.middlewares.${spelled(random, name)}.${field}`);
}

function router(random: Random, { names, routers }: Draft, services: readonly string[]): readonly string[] {
  names.routers += 1;
  const name = `${names.catalog}-r${names.routers}`;
  const rule = random.chance(0.9) ? randomRule(random, names.catalog) : undefined;
  const secure = random.chance(0.3);
  if (rule) routers.push({ rule, tls: secure });
  const at = `traefik.http.routers.${name}`;
  const service = random.chance(0.9) ? services[random.below(services.length)] : random.pick([...names.services, 'nowhere']);
  const used = random.chance(0.75) ? random.some(names.middlewares, 1, 2) : [];
  const referred = used.map((middleware) => (random.chance(0.1) ? `${middleware}@consulcatalog` : middleware));
  return [
    ...(rule ? [`${at}.rule=${ruleText(random, rule)}`] : []),
    ...(random.chance(secure ? 0.4 : 0.35) ? [`${at}.entrypoints=${entryPoints(random, secure)}`] : []),
    ...(secure ? [`${at}.tls=${random.pick(['true', 'true', '1', ''])}`] : []),
    ...(random.chance(0.2) ? [`${at}.priority=${random.pick(['1', '10', '50', '100', '1000', '0', '-1'])}`] : []),
    ...(service !== undefined && (services.length > 1 || random.chance(0.5)) ? [`${at}.service=${service}`] : []),
    ...(referred.length > 0 || random.chance(0.02)
      ? [`${at}.middlewares=${[...referred, ...(random.chance(0.03) ? ['nowhere'] : [])].join(random.pick([',', ', ']))}`]
      : []),
  ];
}

function ruleText(random: Random, rule: Rule): string {
  const text = printRule(random, rule);
  if (random.chance(0.98)) return text;
  return random.pick([`${text} &&`, text.replace('`', "'"), `${text} || Hots(\`x\`)`, text.replaceAll('`)', '`,`z.test`)')]);
}

function entryPoints(random: Random, secure: boolean): string {
  if (random.chance(0.05)) return random.pick(['nowhere', 'web,nowhere', 'Web']);
  return secure
    ? random.pick(['websecure', 'websecure', 'web,websecure', 'web'])
    : random.pick(['web', 'web', 'web,websecure', 'websecure']);
}

function serviceOptions(random: Random, name: string): readonly string[] {
  const at = `traefik.http.services.${spelled(random, name)}.loadbalancer`;
  const scheme = random.chance(0.12) ? random.pick(['https', 'h2c', 'http', 'HTTPS']) : undefined;
  const options = [
    ...(random.chance(0.3) ? [`${at}.server.port=${OTHER_PORT}`] : []),
    ...(scheme ? [`${at}.server.scheme=${scheme}`] : []),
    ...(scheme === 'https' ? [`${at}.serverstransport=${random.pick(['skip@file', 'skip@file', 'skip'])}`] : []),
    ...(random.chance(0.15) ? [`${at}.passhostheader=${random.pick(['true', 'false', '0'])}`] : []),
    ...(random.chance(0.12) ? [`${at}.sticky.cookie=true`, ...(random.chance(0.5) ? [`${at}.sticky.cookie.name=lb`] : [])] : []),
    ...(random.chance(0.12) ? [`${at}.server.weight=${random.pick(['1', '2', '3', '0', '1.5'])}`] : []),
    ...(random.chance(0.1) ? [`${at}.strategy=${random.pick(['wrr', 'p2c', 'hrw', 'leasttime', 'random'])}`] : []),
    ...(random.chance(0.05) ? [`${at}.responseforwarding.flushinterval=100ms`] : []),
  ];
  // the port that an https or h2c instance registers is the one it speaks that on
  const kept = scheme === 'https' || scheme === 'h2c' ? options.filter((label) => !label.includes(OTHER_PORT)) : options;
  return kept.length > 0 ? kept : [`${at}.passhostheader=true`];
}

/** The labels of an instance that is being rolled out: one of them is other than in the rest. */
function changed(random: Random, labels: readonly string[], catalog: string): readonly string[] {
  const index = 1 + random.below(Math.max(1, labels.length - 1));
  const kind = random.pick(['less', 'more', 'other', 'none'] as const);
  switch (kind) {
    case 'less':
      return labels.filter((_, at) => at !== index);
    case 'more':
      return [...labels, strangeLabel(random, catalog)];
    case 'other':
      return labels.map((label, at) =>
        at === index ? label.replace(/true|false|\d+$/, (found) => (found === 'true' ? 'false' : '7')) : label,
      );
    case 'none':
      return [];
    default:
      throw new TypeError(`Cannot choose ${JSON.stringify(kind satisfies never)}`);
  }
}

function strangeLabel(random: Random, catalog: string): string {
  return random.pick([
    'traefik.frontend.rule=Host:old.test',
    'traefik.port=80',
    'traefik.http.routers.x.rool=Host(`x.test`)',
    `traefik.http.services.${catalog}-s0.loadbalancer.server.port=http`,
    'traefik.docker.network=web',
    `traefik.tcp.routers.${catalog}-t.rule=HostSNI(\`t.${catalog}.test\`)`,
    'traefik.tags=public',
    'TRAEFIK.ENABLE=true',
    'unrelated',
    `traefik.http.middlewares.${catalog}-m0.stripprefix.prefixes=/other`,
    `traefik.http.routers.${catalog}-r1.priority=7`,
  ]);
}

function spelled(random: Random, name: string): string {
  return random.chance(0.03) ? name.toUpperCase() : name;
}
