import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { z } from 'zod';
import { keyPlace } from '../lib/key-place.ts';
import { nearest } from '../lib/nearest.ts';
import { parseYaml, YamlError } from '../lib/yaml.ts';
import { systemCode } from '../lib/errors.ts';
import type { Server } from '../model/rendered.ts';
import {
  ADDRESS_VARIABLES,
  configFromEnvironment,
  mergeConfigs,
  servicesFromEnvironment,
  variableOf,
  type Env,
  type RawConfig,
} from './environment.ts';
import { ConfigError, type ConfigFault } from './error.ts';
import { configSchema, type Config } from './options.ts';

/** A checked configuration and where its values came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** By top-level key: `flag`, `environment`, `file`; keys that are missing have their default. */
  readonly origins: ReadonlyMap<string, 'flag' | 'environment' | 'file'>;
  /** Catalogs that the operator named: start-up waits for them. */
  readonly named: ReadonlySet<'consul' | 'nomad' | 'file'>;
  /** The file that it was read from. */
  readonly file?: string;
  /** The proxy that the configuration names, where the last switch chose the other one. */
  readonly configured?: Server;
  /** Who says what stands at a path: line and column of the file, a variable, or the command line; empty where nobody does. */
  readonly placeOf: PlaceOf;
}

/** Where a value stands. */
type PlaceOf = (path: readonly string[]) => Pick<ConfigFault, 'from' | 'line' | 'column'>;

/** Where values come from. Flags win over the environment, that over the file, that over defaults. */
export interface ConfigInput {
  /** YAML, JSON or TOML by its extension. */
  readonly file?: string | undefined;
  readonly env: Env;
  readonly flags?: RawConfig;
}

/** Reads and checks the whole configuration. Throws `ConfigError` with every fault. */
export function loadConfig({ file, env, flags = {} }: ConfigInput): LoadedConfig {
  const text = file === undefined ? undefined : readConfigFile(file);
  const fromFile = text === undefined || file === undefined ? {} : parseConfigText(text, file);
  const fromEnv = configFromEnvironment(env, keysAt);
  const raw = mergeConfigs([fromFile, fromEnv, flags]);
  const services = servicesFromEnvironment(env);
  const whole = services.length > 0 ? { ...raw, services: [...listOf(raw['services']), ...services] } : raw;
  const parsed = configSchema.safeParse(whole, { error: explain });
  const placeOf: PlaceOf = (path) => {
    const from = isSet(flags, path) ? 'the command line' : variableOf(path, { env, keysAt });
    return from === undefined ? keyPlace(text, path) : { from };
  };
  if (!parsed.success) throw new ConfigError(faultsOf(parsed.error, placeOf), file);
  const origins = new Map([
    ...Object.keys(fromFile).map((key) => [key, 'file'] as const),
    ...Object.keys(fromEnv).map((key) => [key, 'environment'] as const),
    ...Object.keys(flags).map((key) => [key, 'flag'] as const),
  ]);
  return {
    config: parsed.data,
    origins,
    named: namedSources(parsed.data, env),
    ...(file !== undefined && { file }),
    placeOf,
  };
}

/** The JSON Schema of the configuration file. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
}

/** The keys that an option map has at a path; empty for values and for maps with free keys. */
export function keysAt(path: readonly string[]): readonly string[] {
  const at = path.reduce<unknown>((schema, key) => propertyOf(schema, key), configJsonSchema());
  const { anyOf = [at] } = mapOf(at);
  return listOf(anyOf).flatMap((option) => Object.keys(mapOf(mapOf(option)['properties'])));
}

function propertyOf(schema: unknown, key: string): unknown {
  const { properties, items, anyOf, additionalProperties } = mapOf(schema);
  if (Array.isArray(anyOf)) return anyOf.map((option: unknown) => propertyOf(option, key)).find((found) => found !== undefined);
  return mapOf(mapOf(items)['properties'] ?? properties)[key] ?? (additionalProperties === false ? undefined : additionalProperties);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function mapOf(value: unknown): RawConfig {
  return typeof value === 'object' && value !== null ? (value as RawConfig) : {};
}

function namedSources({ sources }: Config, env: Env): ReadonlySet<'consul' | 'nomad' | 'file'> {
  const byVariable = (['consul', 'nomad'] as const).filter(
    (name) => sources[name] !== false && ADDRESS_VARIABLES[name].some((variable) => env[variable]),
  );
  const byKey = (['consul', 'nomad', 'file'] as const).filter((name) => sources[name]);
  return new Set([...byVariable, ...byKey]);
}

const NO_FILE = { reason: 'there is none', remedy: 'Correct --config (or HIND_PROXY_CONFIG), or leave it out: every option has a default' };

/** Why a file cannot be read, by the code of the system, and what to do. */
const UNREADABLE: ReadonlyMap<string, { readonly reason: string; readonly remedy: string }> = new Map([
  ['ENOENT', NO_FILE],
  ['ENOTDIR', NO_FILE],
  ['EISDIR', { reason: 'it is a directory', remedy: 'Name the file in it, as --config DIR/hind-proxy.yaml' }],
  ['EACCES', { reason: 'this user may not read it', remedy: 'Run hind-proxy as one who may, or let this one read it' }],
]);

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = systemCode(cause) ?? 'unreadable';
    const { reason, remedy } = UNREADABLE.get(code) ?? { reason: 'it cannot be read', remedy: 'Name another one with --config' };
    throw new ConfigError([{ key: '', message: `Cannot read the configuration file: ${reason} (${code}). ${remedy}` }], file);
  }
}

function parseConfigText(text: string, file: string): RawConfig {
  try {
    const value: unknown = extname(file) === '.toml' ? parseToml(text) : parseYaml(text);
    if (value === undefined || value === null) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as RawConfig;
    throw new ConfigError([{ key: '', message: 'Cannot use the configuration file: it holds no map, expected keys and values' }], file);
  } catch (error) {
    if (!(error instanceof YamlError || error instanceof TomlError)) throw error;
    const { line, column } = error;
    throw new ConfigError([{ key: '', message: error.message.split('\n')[0] ?? 'unreadable', line, column }], file);
  }
}

/** Words for the faults whose usual text would not tell what to do. */
function explain(issue: {
  readonly code: string;
  readonly path?: readonly PropertyKey[] | undefined;
  readonly input?: unknown;
}): string | undefined {
  const path = (issue.path ?? []).join('.');
  if (/^proxies\.0\.server$/.test(path))
    return `Cannot run the proxy ${JSON.stringify(issue.input)}: expected caddy or traefik (PROXY_SERVER, --proxy)`;
  if (path === 'tls.mode' && (issue.input === 'auto' || issue.input === 'on-demand'))
    return `Cannot use "${issue.input}": certificates are not ordered here, expected off, internal or files`;
  if (issue.code === 'invalid_union' && /^sources\.\w+$/.test(path))
    return `Cannot use ${JSON.stringify(issue.input)}: expected false or a map of keys`;
  return undefined;
}

/** Whether a configuration says something at a path, or of all that is there. */
function isSet(config: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined || typeof config !== 'object' || config === null) return config !== undefined;
  return isSet((config as RawConfig)[key], rest);
}

function faultsOf(error: z.ZodError, placeOf: PlaceOf): readonly ConfigFault[] {
  return error.issues.flatMap(withoutUnions).flatMap((issue): readonly ConfigFault[] => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], placeOf));
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return [{ key: path.join('.'), message, ...placeOf(path) }];
  });
}

/** Where a value may be of several kinds, what is wrong with it as one of the kind that it is; the issue itself where it is of none. */
function withoutUnions(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find((issues) => !issues.some(({ path, code }) => path.length === 0 && KIND_FAULTS.has(code)));
  return meant === undefined ? [issue] : meant.flatMap((inner) => withoutUnions({ ...inner, path: [...issue.path, ...inner.path] }));
}

const KIND_FAULTS: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value']);

/** What people look for in a policy and no proxy of ours can do, with what to do instead. */
const NO_POLICIES: ReadonlyMap<string, string> = new Map([
  ['jwt', 'no proxy checks tokens by itself; use forwardAuth with a server that does'],
  ['oauth2', 'use forwardAuth with oauth2-proxy'],
  ['oidc', 'use forwardAuth with oauth2-proxy'],
  ['waf', 'neither proxy has a firewall without a plug-in'],
  ['geo', 'neither proxy knows countries without a plug-in; use ipAllow or ipDeny'],
  ['digestauth', 'its hashes are broken; use basicAuth over TLS'],
  ['circuitbreaker', 'a tag may ask for it (Traefik only); use retry'],
]);

function unknownKey(path: readonly string[], placeOf: PlaceOf): ConfigFault {
  const name = path.at(-1) ?? '';
  const known = keysAt(path.slice(0, -1).filter((key) => !/^\d+$/.test(key)));
  const never = path[0] === 'policies' && path.length === 3 ? NO_POLICIES.get(name.toLowerCase()) : undefined;
  const meant = nearest(name, known);
  const hint = never !== undefined ? `: ${never}` : meant === undefined ? '' : `, did you mean "${meant}"?`;
  return { key: path.join('.'), message: `Unknown key "${name}"${hint}`, ...placeOf(path) };
}
