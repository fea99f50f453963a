import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompileOptions } from '../../src/compile/options.ts';
import { policiesOf } from '../../src/config/policies.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { parseHostname, sourceId } from '../../src/model/names.ts';
import type { Health, ServiceInstance } from '../../src/model/catalog.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import type { DialectName, RoutingTable } from '../../src/model/route.ts';
import { instanceOf, OPTIONS, port } from '../support/intents.ts';

/** One request of a vector; `expect` is what the original answered. */
export interface VectorRequest {
  readonly scheme: 'http' | 'https' | 'tcp' | 'grpc';
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly from?: string;
  readonly sni?: string;
  readonly listener?: string;
  readonly port?: number;
  readonly quirk?: unknown;
  readonly expect?: VectorAnswer;
}

/** What the original answered. */
export interface VectorAnswer {
  readonly status: number;
  readonly instances?: Readonly<Record<string, number>> | readonly string[] | null;
  readonly path?: string;
  readonly host?: string;
  readonly location?: string;
  readonly tls?: 'terminated' | 'passthrough';
  readonly mixed?: readonly VectorAnswer[];
}

/** What one original program answered with exactly these services in the catalog. */
export interface Vector {
  readonly id: string;
  readonly dialect: DialectName;
  readonly services: readonly {
    readonly name: string;
    readonly id: string;
    readonly address: string;
    readonly port: number;
    readonly tags: readonly string[];
    readonly health?: string;
    readonly scheme?: string;
  }[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly probe?: { readonly bad: readonly string[]; readonly change: { readonly id: string; readonly tags: readonly string[] } };
  readonly notWanted?: string;
  readonly requests: readonly VectorRequest[];
}

/** Where the vectors are; undefined where this machine has none. `VECTORS_DIR` names another place. */
export const VECTORS: string | undefined = [
  process.env['VECTORS_DIR'] ?? '',
  join(import.meta.dirname, '../../../shared/vectors'),
  join(import.meta.dirname, '../../../../shared/vectors'),
].find((directory) => directory !== '' && existsSync(join(directory, 'fabio.json')));

/** Every vector of every dialect. */
export function readVectors(): readonly Vector[] {
  if (VECTORS === undefined) return [];
  const directory = VECTORS;
  return (['fabio', 'hind', 'traefik'] as const).flatMap((dialect) =>
    (JSON.parse(readFileSync(join(directory, `${dialect}.json`), 'utf8')) as readonly Omit<Vector, 'dialect'>[]).map((vector) => ({
      ...vector,
      dialect,
    })),
  );
}

/** The table that a vector's services ask for, under settings that say what its original was set to. */
export function vectorTable(vector: Vector, entryPoints: readonly EntryPoint[]): Diagnosed<RoutingTable> {
  const source = sourceId('consul');
  const instances = vector.services.map((service, index) => instanceOfService(service, vector.probe?.change, index));
  const snapshot = { source, revision: '1', observedAtMs: 0, local: true, instances };
  const pipeline = createPipeline({
    dialects: [dialectOf(vector)],
    compile: optionsOf(vector, entryPoints),
    primary: source,
    merge: 'primary-wins',
  });
  const { value, diagnostics } = pipeline.compile([snapshot], new Map());
  return { value: value.table, diagnostics };
}

function instanceOfService(
  { name, id, address, port: number, tags, health }: Vector['services'][number],
  change: { readonly id: string; readonly tags: readonly string[] } | undefined,
  index: number,
): ServiceInstance {
  return instanceOf(name, {
    instance: id,
    address,
    port: port(number),
    tags: change?.id === id ? change.tags : tags,
    health: healthOf(health),
    modifyIndex: index + 1,
  });
}

function healthOf(text: string | undefined): Health {
  if (text === 'none') return 'unknown';
  return text === 'warning' || text === 'critical' || text === 'maintenance' ? text : 'passing';
}

function dialectOf({ dialect, settings = {} }: Vector): Dialect {
  const matcher = settings['proxy.matcher'];
  switch (dialect) {
    case 'fabio':
      return createFabioDialect({
        tagPrefix: settings['registry.consul.tagprefix'] ?? 'urlprefix-',
        matcher: matcher === 'iprefix' || matcher === 'glob' ? matcher : 'prefix',
        hostGlobs: true,
      });
    case 'hind': {
      const allowed = settings['ALLOWED_REMOTE_IPS_SERVICES'];
      return createHindDialect({ allowIps: allowed === undefined ? [] : allowed.split(' ') });
    }
    case 'traefik':
      return createTraefikDialect({ prefix: 'traefik', exposedByDefault: false, defaultRule: '{name}', domainSuffix: 'localhost' });
    default:
      throw new TypeError(`Cannot read the dialect ${String(dialect satisfies never)}`);
  }
}

function optionsOf({ dialect, settings = {} }: Vector, entryPoints: readonly EntryPoint[]): CompileOptions {
  const users = { basicAuth: { usersFile: '', removeHeader: false } };
  const named = parseHostname('named.example.com');
  return {
    ...OPTIONS,
    accept: [dialect],
    entryPoints,
    unhealthy: 'remove',
    httpsRedirect: dialect === 'hind' ? 'hind' : 'never',
    redirectUnknownHosts: dialect === 'hind',
    health: new Map(settings['registry.consul.service.status']?.includes('warning') ? [[sourceId('consul'), 'warning']] : []),
    policies: policiesOf(
      { mybasicauth: users, users, 'vpn-whitelist': { ipAllow: ['127.0.0.2/32'] }, 'redirect-to-https': { redirectHttps: true } },
      { trustsProxies: false },
    ),
    transports: new Map([
      ['insecure', { skipVerify: true }],
      ['named', { skipVerify: true, ...(named && { serverName: named }) }],
    ]),
  };
}
