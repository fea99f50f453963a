import { parseYaml, YamlError } from '../lib/yaml.ts';
import { ConfigError } from './error.ts';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A configuration as nested maps, before it is checked. */
export type RawConfig = { readonly [key: string]: unknown };

/** A variable that sets an option, beside `HIND_PROXY_` + path. */
interface KnownVariable {
  readonly name: string;
  readonly path: readonly string[];
  readonly read: (value: string) => unknown;
}

const asText = (value: string): unknown => value;
const asList = (value: string): readonly string[] => value.split(/[\s,]+/).filter((item) => item !== '');
const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', 'fd00::/8', '::1'];

const asBlocks = (value: string): unknown => asList(value).flatMap((item) => (item === 'private_ranges' ? PRIVATE_RANGES : [item]));

/** The variables of HinD and of the catalogs that name options, in the order in which they count. */
export const KNOWN_VARIABLES: readonly KnownVariable[] = [
  { name: 'PROXY_SERVER', path: ['proxies', '0', 'server'], read: asText },
  { name: 'DOMAIN_SUFFIX', path: ['domainSuffix'], read: asText },
  { name: 'TRAEFIK_PROVIDER_PRIMARY', path: ['sources', 'primary'], read: asText },
  { name: 'LOG_LEVEL', path: ['logging', 'level'], read: asText },
  { name: 'CERTS_SELF_SIGNED', path: ['tls', 'mode'], read: () => 'internal' },
  {
    name: 'TRUSTED_PROXIES',
    path: ['trustedProxies'],
    read: asBlocks,
  },
  { name: 'ALLOWED_REMOTE_IPS_SERVICES', path: ['dialects', 'hind', 'allowIps'], read: asBlocks },
];

/** Variables whose presence means that a catalog is named by the operator. */
export const ADDRESS_VARIABLES = { consul: ['CONSUL_HTTP_ADDR'], nomad: ['NOMAD_ADDR', 'NOMAD_UNIX_ADDR'] } as const;

const PREFIX = 'HIND_PROXY_';
/** Variables with our prefix that are no options. */
const SERVICE = /^HIND_PROXY_SERVICE__([A-Z0-9_]+)$/;
const NO_OPTIONS = /^HIND_PROXY_(SERVICE__|RUN$|CONFIG$|BIN$)/;

/**
 * What the environment says about options: `HIND_PROXY_` + key path in capitals, `__` between levels, values as YAML, empty ones none; and
 * the known variables of HinD. Throws `ConfigError` for a value that cannot be read. `keysAt` names the keys of a level, so that capitals
 * find their spelling.
 */
export function configFromEnvironment(env: Env, keysAt: KeysAt): RawConfig {
  const configOf = ({ path, value }: Setting): RawConfig => nested(path, value);
  return mergeConfigs([...knownSettings(env).map(configOf), hindReservedHosts(env), ...ownSettings(env, keysAt).map(configOf)]);
}

/** The variable that says what stands at a path; undefined where none does. */
export function variableOf(path: readonly string[], { env, keysAt }: { readonly env: Env; readonly keysAt: KeysAt }): string | undefined {
  const settings = [...knownSettings(env), ...ownSettings(env, keysAt)];
  return settings.findLast((setting) => setting.path.every((key, index) => key === path[index]))?.variable;
}

/** The names of the keys of a level. */
type KeysAt = (path: readonly string[]) => readonly string[];

/** What one variable says. */
interface Setting {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

function knownSettings(env: Env): readonly Setting[] {
  return KNOWN_VARIABLES.flatMap(({ name, path, read }) => {
    const value = env[name];
    return value ? [{ variable: name, path, value: read(value) }] : [];
  });
}

function ownSettings(env: Env, keysAt: KeysAt): readonly Setting[] {
  return Object.entries(env)
    .flatMap(([name, value]) => (name.startsWith(PREFIX) && !NO_OPTIONS.test(name) && value ? [[name, value] as const] : []))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([variable, value]) => ({
      variable,
      path: spelled(variable.slice(PREFIX.length).split('__'), keysAt),
      value: valueOf(variable, value),
    }));
}

function valueOf(variable: string, value: string): unknown {
  try {
    return parseYaml(value);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ConfigError([{ key: '', from: variable, message: `Cannot read its value as YAML: ${error.message}` }]);
  }
}

/**
 * Services that the environment registers: `HIND_PROXY_SERVICE__NAME=http://host:port;tag=TAG;tag=TAG`. The name is lower-cased, `_`
 * becomes `-`. What is no URL stays as it is and is refused with the static services.
 */
export function servicesFromEnvironment(env: Env): readonly unknown[] {
  return Object.entries(env).flatMap(([variable, value]) => {
    const name = SERVICE.exec(variable)?.[1]?.toLowerCase().replaceAll('_', '-');
    if (name === undefined || !value) return [];
    const [url = '', ...options] = value.split(/;(?=tags?=)/);
    const { hostname, port } = URL.canParse(url) ? new URL(url) : { hostname: url, port: '' };
    const tags = options.map((option) => option.replace(/^tags?=/, ''));
    return [{ name, address: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), tags }];
  });
}

/** Later ones win; maps are merged, lists and values replaced. A list of proxies is merged by position. */
export function mergeConfigs(configs: readonly RawConfig[]): RawConfig {
  return configs.reduce((merged, config) => mergeMaps(merged, config), {});
}

/** A map with one value at a path; `0` in a path means the first item of a list. */
export function nested(path: readonly string[], value: unknown): RawConfig {
  const [key = '', ...rest] = path;
  if (rest.length === 0) return { [key]: value };
  return { [key]: rest[0] === '0' ? [rest.length === 1 ? value : nested(rest.slice(1), value)] : nested(rest, value) };
}

function mergeMaps(a: RawConfig, b: RawConfig): RawConfig {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(keys.map((key) => [key, key in b ? merged(a[key], b[key], key) : a[key]]));
}

function merged(a: unknown, b: unknown, key: string): unknown {
  if (isMap(a) && isMap(b)) return mergeMaps(a, b);
  if (key !== 'proxies' || !Array.isArray(a) || !Array.isArray(b)) return b;
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, index) => (index in b ? merged(a[index], b[index], '') : (a[index] as unknown)));
}

function isMap(value: unknown): value is RawConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function spelled(segments: readonly string[], keysAt: KeysAt): readonly string[] {
  const path: string[] = [];
  for (const segment of segments) {
    const key = keysAt(path).find((candidate) => candidate.toUpperCase() === segment.toUpperCase());
    path.push(key ?? segment.toLowerCase());
  }
  return path;
}

/** HinD's own host names, which no service may take. */
function hindReservedHosts(env: Env): RawConfig {
  const names = `${env['FQDN'] ?? ''},${env['NOMAD_ADDR_EXTRA'] ?? ''}`.split(',').map((name) =>
    name
      .trim()
      .replace(/^https?:\/\//, '')
      .replace(/[:/].*$/, ''),
  );
  const hosts = [...new Set(names.filter((name) => name !== '' && name !== 'hostname-default'))];
  return hosts.length > 0 ? { reservedHosts: hosts } : {};
}
