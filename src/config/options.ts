import { z } from 'zod';
import { isPlainCidr } from '../lib/ip.ts';
import { parseHostname, parsePort } from '../model/names.ts';
import { SERVERS, type Server } from '../model/rendered.ts';
import { DIALECTS, type DialectName } from '../model/route.ts';
import { parseDurationMs } from './duration.ts';
import { policySchema, transportSchema, type PolicyConfig, type TransportConfig } from './policy-schema.ts';

/** One catalog that is read. */
export interface CatalogConfig {
  /** URL, `host:port` or `unix://path`; absent: the official variables of the catalog, then its usual port on this machine. */
  readonly address?: string | undefined;
  readonly tokenFile?: string | undefined;
  /** ms between trusted re-reads. */
  readonly resync: number;
  readonly health?: 'passing' | 'warning' | 'any' | undefined;
  readonly datacenter?: string | undefined;
  /** Absent: what NOMAD_NAMESPACE says, else all. */
  readonly namespaces?: readonly string[] | undefined;
}

/** An entry point as the operator writes it. */
export interface EntryPointConfig {
  readonly address: string;
  readonly tls: boolean;
  readonly protocol: 'http' | 'tcp' | 'udp';
}

/** One proxy that is programmed. */
export interface ProxyConfig {
  readonly name: string;
  readonly server: Server;
  readonly entrypoints: Readonly<Record<string, EntryPointConfig>>;
  readonly caddy: { readonly file?: string | undefined; readonly admin: string };
  readonly traefik: {
    readonly staticFile?: string | undefined;
    readonly dynamicFile?: string | undefined;
    readonly api: string;
    readonly apiPasswordFile?: string | undefined;
  };
  /** Who starts the proxy: our `exec-proxy`, or somebody else. */
  readonly start: 'auto' | 'external';
  /** ms; `minGap` absent: a token bucket by proxy. */
  readonly apply: {
    readonly minGap?: number | undefined;
    readonly maxDelay: number;
    readonly verifyTimeout: number;
    readonly keepGenerations: number;
  };
}

/** Everything an operator can say, checked and with every default in place. Durations are ms. */
export interface Config {
  readonly configVersion: 1;
  readonly stateDir?: string | undefined;
  readonly domainSuffix: string;
  readonly defaultRule: string;
  readonly sources: {
    readonly primary: 'nomad' | 'consul';
    readonly merge: 'primary-wins' | 'union';
    readonly consul?: CatalogConfig | false | undefined;
    readonly nomad?: CatalogConfig | false | undefined;
    readonly file?: { readonly path: string; readonly poll: number } | false | undefined;
  };
  readonly services: readonly unknown[];
  readonly dialects: {
    readonly accept: readonly DialectName[];
    readonly fabio: {
      readonly tagPrefix: string;
      readonly matcher: 'prefix' | 'iprefix' | 'glob';
      readonly hostGlobs: boolean;
      readonly requireChecks: boolean;
    };
    readonly traefik: { readonly prefix: string; readonly exposedByDefault: boolean };
    readonly hind: { readonly openPorts: boolean; readonly allowIps: readonly string[] };
  };
  readonly routes: {
    readonly unhealthy: 'respond-503' | 'remove';
    readonly tombstone: number;
    readonly unknownHost: { readonly status: number; readonly body?: string | undefined };
  };
  readonly ownership: {
    readonly mode: 'firstCome' | 'allowList' | 'open';
    readonly allow: Readonly<Record<string, readonly string[]>>;
    readonly claimTtl: number;
  };
  readonly reservedHosts: readonly string[];
  readonly backends: { readonly allow: readonly string[]; readonly deny: readonly string[]; readonly denyControlPorts: boolean };
  readonly limits: { readonly routesPerService: number; readonly endpointsPerRoute: number; readonly servicesPerOwner: number };
  readonly redirectHosts: readonly string[];
  readonly guards: {
    readonly maxRemovedPercent: number;
    readonly minRemoved: number;
    readonly allowEmpty: boolean;
    readonly startupWait: number;
  };
  readonly policies: Readonly<Record<string, PolicyConfig>>;
  readonly attach: readonly {
    readonly match: Readonly<Partial<Record<'service' | 'host' | 'tag' | 'namespace', string | undefined>>>;
    readonly policies: readonly string[];
  }[];
  readonly transports: Readonly<Record<string, TransportConfig>>;
  readonly trustedProxies: readonly string[];
  readonly tls: {
    readonly mode: 'off' | 'internal' | 'files';
    readonly certificates: readonly { readonly cert: string; readonly key: string }[];
    readonly minVersion: '1.2' | '1.3';
  };
  /** absent: HinD routes, and unknown hosts in a HinD set-up. */
  readonly https: { readonly redirect?: boolean | undefined };
  readonly proxies: readonly ProxyConfig[];
  /** `null`: not there. `socket` absent: at its usual place. */
  readonly admin: { readonly listen: string | null; readonly socket?: string | null | undefined };
  readonly logging: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly accessLogs: boolean };
}

const orNothing = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  z.preprocess((value) => (value === null ? undefined : value), schema.optional());
const withDefault = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> => z.preprocess((value) => value ?? {}, schema);

const text = z.string().min(1);
const durationText = z.string().refine((value) => parseDurationMs(value) !== undefined, 'expected a duration such as 100ms, 2s or 5m');
const duration = (fallback: string): z.ZodType<number> => durationText.default(fallback).transform((value) => parseDurationMs(value) ?? 0);
const cidrs = z.array(z.string().refine((value) => isPlainCidr(value), 'expected an address or CIDR block')).default([]);
const hosts = z.array(z.string().refine((value) => parseHostname(value) !== undefined, 'expected a host name')).default([]);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'expected a name of letters, digits, ".", "_" and "-"');
const pattern = z.string().min(1).optional();
const percent = z.number().min(0).max(100);

const catalog = z.strictObject({
  address: orNothing(text).meta({ description: 'URL, host:port or unix://path; null: the official variables' }),
  tokenFile: orNothing(text).meta({
    description:
      'File with the token, read again when it changes. Rights: `service_prefix ""` and `node_prefix ""` read in Consul, `read-job` and `list-jobs` in Nomad',
  }),
  resync: duration('30s').meta({ description: 'Time between reads that confirm everything' }),
  health: orNothing(z.enum(['passing', 'warning', 'any'])).meta({
    description: 'Which instances are used; null: as the dialect of the tag does',
  }),
  datacenter: orNothing(text).meta({ description: "Consul datacenter; null: the agent's own" }),
  namespaces: orNothing(z.array(text).min(1)).meta({ description: 'Nomad namespaces; null: NOMAD_NAMESPACE, else all (`*`)' }),
});
const catalogOrNot = z
  .preprocess((value) => (value === null || value === true ? {} : value), z.union([z.literal(false), catalog]))
  .optional();

const port = z
  .string()
  .refine((value) => addressPort(value) !== undefined, 'expected [HOST]:PORT')
  .refine((value) => /^[^%\s]*$/.test(value), 'expected an address without a zone (%)');
const entryPoint = z.preprocess(
  (value) => (typeof value === 'string' ? { address: value } : value),
  z.strictObject({ address: port, tls: z.boolean().optional(), protocol: z.enum(['http', 'tcp', 'udp']).default('http') }),
);
const entryPoints = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/), entryPoint)
  .transform((points) =>
    Object.fromEntries(
      Object.entries(points).map(([name, point]) => [name, { ...point, tls: point.tls ?? usuallyTls(name, point.address) }] as const),
    ),
  );

const proxy = z.strictObject({
  name: text.default('edge'),
  server: z.preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), z.enum(SERVERS)).default('caddy'),
  entrypoints: withDefault(entryPoints),
  caddy: withDefault(
    z.strictObject({
      file: orNothing(text).meta({
        description: 'The Caddyfile that is written; null: /etc/Caddyfile, for users other than root in their state directory',
      }),
      admin: text
        .refine((value) => /^unix\/\/./.test(value) || isHttpAddress(value), 'expected http://HOST:PORT or unix//PATH')
        .default('http://127.0.0.1:2019'),
    }),
  ),
  traefik: withDefault(
    z.strictObject({
      staticFile: orNothing(text).meta({ description: 'What Traefik is started with; null: /etc/traefik/traefik.yaml, as above' }),
      dynamicFile: orNothing(text).meta({
        description:
          'The routes of Traefik, in a directory of their own: it reads all YAML and TOML there and below; null: /etc/traefik/dynamic/hind-proxy.yml, as above',
      }),
      api: text.refine(isHttpAddress, 'expected http://HOST:PORT').default('http://127.0.0.1:8099'),
      apiPasswordFile: orNothing(text),
      provider: z.enum(['file']).default('file'),
    }),
  ),
  start: z.enum(['auto', 'external']).default('auto'),
  apply: withDefault(
    z.strictObject({
      minGap: orNothing(durationText.transform((value) => parseDurationMs(value) ?? 0)),
      maxDelay: duration('500ms'),
      verifyTimeout: duration('10s'),
      keepGenerations: z.int().min(2).max(1000).default(20),
    }),
  ),
});

/** The one table of options: shapes, defaults and what each is for. `config schema` and the manual are printed from it. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  configVersion: z.literal(1).default(1),
  stateDir: orNothing(text).meta({
    description: 'Where snapshots, generations and claims are kept; null: /var/lib/hind-proxy for root, else ~/.local/state/hind-proxy',
  }),
  domainSuffix: text.default('localhost').meta({ description: 'Suffix of the default rule', env: 'DOMAIN_SUFFIX' }),
  defaultRule: text.default('{name}.{suffix}').meta({ description: 'Host of enabled services without a rule' }),
  sources: withDefault(
    z.strictObject({
      primary: z
        .enum(['nomad', 'consul'])
        .default('nomad')
        .meta({ description: 'Wins where both catalogs have a service', env: 'TRAEFIK_PROVIDER_PRIMARY' }),
      merge: z
        .enum(['primary-wins', 'union'])
        .default('primary-wins')
        .meta({ description: 'Whether a service of both catalogs has the instances of the primary one or of both' }),
      consul: catalogOrNot,
      nomad: catalogOrNot,
      file: z
        .union([
          z.literal(false),
          z.strictObject({
            path: text.meta({
              description:
                'A `.json`, `.yaml` or `.yml` file, or a directory of such files: one service or a list of these, each with `name`, `address`, `port`, `tags`; also `id`, `meta`, `health`, `namespace`. Relative to where the program is started',
            }),
            poll: duration('10s').meta({ description: 'Time between looks that do not depend on the notifications of the system' }),
          }),
        ])
        .optional(),
    }),
  ),
  services: z.array(z.unknown()).default([]).meta({ description: 'Static services, each as in the files of `sources.file.path`' }),
  dialects: withDefault(
    z.strictObject({
      accept: z
        .array(z.enum(DIALECTS))
        .min(1)
        .default([...DIALECTS])
        .meta({ description: 'Dialects that are read, the preferred one first' }),
      fabio: withDefault(
        z.strictObject({
          tagPrefix: text.default('urlprefix-'),
          matcher: z.enum(['prefix', 'iprefix', 'glob']).default('prefix'),
          hostGlobs: z.boolean().default(true),
          requireChecks: z
            .boolean()
            .default(true)
            .meta({ description: 'Whether instances of Consul without a check get no requests, as in Fabio' }),
        }),
      ),
      traefik: withDefault(z.strictObject({ prefix: text.default('traefik'), exposedByDefault: z.boolean().default(false) })),
      hind: withDefault(
        z.strictObject({
          openPorts: z.boolean().default(true).meta({ description: 'Whether `https://host:port` opens that port on Caddy, 1024 and up' }),
          allowIps: cidrs.meta({ description: 'Who may use HinD services; empty: everybody', env: 'ALLOWED_REMOTE_IPS_SERVICES' }),
        }),
      ),
    }),
  ),
  routes: withDefault(
    z.strictObject({
      unhealthy: z
        .enum(['respond-503', 'remove'])
        .default('respond-503')
        .meta({ description: 'What routes without a healthy instance do' }),
      tombstone: duration('30s').meta({ description: 'How long the routes of a deregistered service answer 503' }),
      unknownHost: withDefault(z.strictObject({ status: z.int().min(100).max(599).default(404), body: orNothing(z.string()) })),
    }),
  ),
  ownership: withDefault(
    z.strictObject({
      mode: z
        .enum(['firstCome', 'allowList', 'open'])
        .default('firstCome')
        .meta({ description: 'Who may claim a host: who had it first, whom `allow` grants it, everybody' }),
      allow: z
        .record(
          z.string().regex(/^(service|namespace):.+$/, 'expected service:PATTERN or namespace:PATTERN'),
          z.array(z.string().regex(/^(\*|(\*\.)?[A-Za-z0-9_.-]+)(\/[!-~]*)?$/, 'expected HOST or HOST/PATH, with * or *. before')),
        )
        .default({})
        .meta({ description: 'Hosts and paths by `service:PATTERN` or `namespace:PATTERN`' }),
      claimTtl: duration('24h'),
    }),
  ),
  reservedHosts: hosts.meta({ description: 'Hosts that no tag may claim', env: 'FQDN' }),
  backends: withDefault(z.strictObject({ allow: cidrs, deny: cidrs, denyControlPorts: z.boolean().default(true) })),
  limits: withDefault(
    z.strictObject({
      routesPerService: z.int().min(1).default(64),
      endpointsPerRoute: z.int().min(1).default(1000),
      servicesPerOwner: z.int().min(1).default(10_000),
    }),
  ),
  redirectHosts: z.array(text).default([]).meta({ description: 'Hosts that tags may redirect to; empty: any' }),
  tagPolicy: z.null().optional(),
  guards: withDefault(
    z.strictObject({
      maxRemovedPercent: percent.default(30).meta({ description: 'More removed services than this are held until confirmed' }),
      minRemoved: z.int().min(1).default(3),
      allowEmpty: z.boolean().default(false).meta({ description: 'An empty catalog may remove every route' }),
      startupWait: duration('60s').meta({
        description: 'How long the start waits for a catalog that was named, before what it said last counts',
      }),
    }),
  ),
  policies: z
    .record(name, policySchema)
    .default({})
    .meta({ description: 'What tags name (`auth=NAME`, `NAME@file`) and selectors attach' }),
  attach: z
    .array(
      z.strictObject({
        match: z.strictObject({ service: pattern, host: pattern, tag: pattern, namespace: pattern }),
        policies: z.array(text).min(1),
      }),
    )
    .default([])
    .meta({ description: 'Policies for every route that fits all patterns (`*`, `?`)' }),
  transports: z.record(name, transportSchema).default({}).meta({ description: 'What labels name as `serversTransport=NAME@file`' }),
  trustedProxies: cidrs.meta({ description: 'Blocks whose X-Forwarded-* headers are believed', env: 'TRUSTED_PROXIES' }),
  tls: withDefault(
    z.strictObject({
      mode: z.enum(['off', 'internal', 'files']).default('off').meta({ description: 'Where certificates come from' }),
      certificates: z.array(z.strictObject({ cert: text, key: text })).default([]),
      minVersion: z.enum(['1.2', '1.3']).default('1.2'),
      email: z.null().optional(),
    }),
  ),
  https: withDefault(z.strictObject({ redirect: orNothing(z.boolean()), hsts: z.null().optional() })),
  proxies: z
    .array(proxy)
    .length(1, 'expected exactly one proxy')
    .default([proxy.parse({})]),
  admin: withDefault(
    z.strictObject({
      listen: port
        .nullable()
        .default('127.0.0.1:9901')
        .meta({ description: 'Where the admin API, /health and /metrics listen, on loopback only; null: nowhere' }),
      socket: z.string().nullable().optional().meta({
        description:
          'Unix socket of the same, over which commands may write without a token; absent: /run/hind-proxy/admin.sock for root, else $XDG_RUNTIME_DIR/hind-proxy/admin.sock; null: none',
      }),
      tokensFile: z.null().optional(),
      tls: z.null().optional(),
    }),
  ),
  logging: withDefault(
    z.strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['json']).default('json'),
      accessLogs: z.boolean().default(false),
    }),
  ),
});

/** The port of `host:port`, `:port` or `[v6]:port`; undefined where there is none. */
export function addressPort(address: string): ReturnType<typeof parsePort> {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? undefined : parsePort(address.slice(colon + 1));
}

function isHttpAddress(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'http:';
}

function usuallyTls(name: string, address: string): boolean {
  return name === 'websecure' || name === 'https' || addressPort(address) === 443;
}
