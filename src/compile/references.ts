import { once, sameMembers } from '../lib/memo.ts';
import { groupBy } from '../lib/sort.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import { diagnose, type Report, type TagSpan } from '../model/diagnostic.ts';
import {
  withoutSpan,
  type Definition,
  type Fault,
  type PoolMember,
  type Reference,
  type RouteIntent,
  type SidePool,
} from '../model/intent.ts';
import { withoutUnseenHost, type Middleware } from '../model/middleware.ts';
import type { UpstreamHost } from '../model/pool.ts';
import type { TlsProfile } from '../model/route.ts';
import type { Reading } from './candidates.ts';
import type { CompileOptions } from './options.ts';
import { standingOf, type HealthOptions } from './standing.ts';

/** An intent with every name looked up. */
export interface ResolvedIntent extends Omit<RouteIntent, 'middlewares' | 'backend' | 'transport' | 'tlsProfile'> {
  readonly middlewares: readonly Middleware[];
  readonly tlsProfile?: TlsProfile;
}

/** What one resolved intent forwards to: its own instance, or one of the service that it refers to. */
export interface ResolvedTarget {
  readonly intent: ResolvedIntent;
  readonly instance: ServiceInstance;
  /** The instance's catalog is on this machine. */
  readonly local: boolean;
}

/** Looks up every name that the intents of a reading refer to. */
export interface Resolver {
  /** `noteUse` is told what was found for each name of a definition that the answer depends on. */
  resolve(reading: Reading, report: Report, noteUse: (use: NameUse) => void): readonly ResolvedTarget[];
  /** Whether a name has the same definitions now. */
  isSame(use: NameUse): boolean;
}

/** A name and what it stood for. */
export interface NameUse {
  readonly key: string;
  readonly found: readonly object[];
}

type Declared<Kind extends Definition['kind']> = Extract<Definition, { kind: Kind }> & Pick<Reading, 'instance' | 'local'>;

/** Middlewares that name middlewares are followed this deep. */
const MAX_DEPTH = 8;
/** A route follows this many names. */
const MAX_FOLLOWED = 256;

/**
 * A resolver over all readings. A name of a middleware or service belongs to its owner: what one service declares another may use, as in
 * Traefik. A middleware that several services declare differently is nobody's; several declarations of a service are one pool.
 */
export function createResolver(
  readings: readonly Reading[],
  options: Pick<CompileOptions, 'policies' | 'transports'> & HealthOptions,
): Resolver {
  const byName = groupBy(readings.filter(({ definitions }) => definitions.length > 0).flatMap(declaredBy), ({ kind, name, instance }) =>
    nameKey(kind, name, instance),
  );
  return {
    resolve: (reading, report, noteUse) => reading.intents.flatMap((intent) => resolveIntent(intent, reading, { report, noteUse })),
    isSame: ({ key, found }) => sameMembers(found, byName.get(key) ?? []),
  };

  function resolveIntent(
    intent: RouteIntent,
    { instance, local }: Reading,
    { report, noteUse }: { readonly report: Report; readonly noteUse: (use: NameUse) => void },
  ): readonly ResolvedTarget[] {
    const known = <Kind extends Definition['kind']>(kind: Kind, name: string): readonly Declared<Kind>[] => {
      const key = nameKey(kind, name, instance);
      const found = byName.get(key) ?? [];
      noteUse({ key, found });
      return found as unknown as readonly Declared<Kind>[];
    };
    const faults: Fault[] = intent.fault ? [intent.fault] : [];
    const miss = (reference: Reference, message: string, related: readonly TagSpan[] = []): readonly never[] => {
      report(diagnose(reference.code, `${message}: the route answers 503`, { span: reference.span, related }));
      faults.push({ kind: 'protective', code: reference.code });
      return [];
    };
    const sideOfOthers: SidePool[] = [];
    let hostOfOthers: UpstreamHost | undefined;
    let followed = 0;
    const ofRoute = middlewaresOf(intent.middlewares, 0);
    const tlsProfile = intent.tlsProfile && profileOf(intent.tlsProfile);
    const { backend, transport: _transport, tlsProfile: _profile, fault: _fault, ...rest } = intent;
    const targets = backend ? serviceOf(backend) : [{ member: intent, instance, local }];
    const middlewares = withoutUnseenHost([...ofRoute, ...(backend ? middlewaresOfService(backend) : [])]);
    const sidePools = [...(intent.sidePools ?? []), ...sideOfOthers].map((pool) => ({ ...pool, ...withTransport(pool) }));
    return targets.map(({ member, ...where }) => {
      const { protocol, endpoint, tls, share, weight } = member;
      const pool = withHost(withTransport(member));
      const fault = faults.find(({ kind }) => kind === 'protective') ?? faults[0];
      const resolved: ResolvedIntent = {
        ...rest,
        ...pool,
        protocol,
        endpoint,
        middlewares,
        ...(tls && { tls }),
        ...(share !== undefined && { share }),
        ...(weight !== undefined && { weight }),
        ...(sidePools.length > 0 && { sidePools }),
        ...(tlsProfile && { tlsProfile }),
        ...(fault && { fault }),
      };
      return { intent: resolved, ...where };
    });

    function middlewaresOf(list: readonly (Middleware | Reference)[], depth: number): readonly Middleware[] {
      return list.flatMap((middleware) => (middleware.kind === 'reference' ? referred(middleware, depth) : [middleware]));
    }

    function referred(reference: Reference, depth: number): readonly Middleware[] {
      const { name } = reference;
      followed += 1;
      if (depth > MAX_DEPTH || followed > MAX_FOLLOWED)
        return miss(reference, `Cannot follow middleware "${name}": it leads to itself, or to too many others`);
      if (reference.to === 'policy') {
        const policy = options.policies.get(name);
        return policy ? policy.middlewares : miss(reference, `Cannot find policy "${name}"${expected(options.policies)}`);
      }
      const [first, ...others] = known('middleware', name);
      if (!first) return miss(reference, `Cannot find middleware "${name}"`);
      noteSpelling(reference, [first, ...others]);
      noteHealth(reference, [first, ...others]);
      const other = others.find((candidate) => contentOf(candidate) !== contentOf(first));
      if (other) {
        const services = `"${first.instance.service}" and "${other.instance.service}"`;
        return miss(reference, `Cannot choose middleware "${name}": ${services} declare it differently`, [first.span, other.span]);
      }
      if (first.fault) faults.push(first.fault);
      hostOfOthers = first.upstreamHost ?? hostOfOthers;
      sideOfOthers.push(...[first, ...others].flatMap(({ sidePools }) => sidePools ?? []));
      return middlewaresOf(first.middlewares, depth + 1);
    }

    /** Traefik tells names by their case. */
    function noteSpelling({ name, span }: Reference, found: readonly Definition[]): void {
      const [first] = found;
      if (!first || found.some((definition) => definition.name === name)) return;
      const message = `"${name}" is declared as "${first.name}": Traefik would not find it`;
      report(diagnose('TRAEFIK_NAME_CASE', message, { span, related: [first.span] }));
    }

    /** Traefik does not see what instances declare that it would not send requests to. */
    function noteHealth({ name, span }: Reference, found: readonly Declared<'middleware'>[]): void {
      const [first] = found;
      if (!first || found.some((one) => standingOf(one.instance, intent.dialect, options) === 'routed')) return;
      const message = `"${name}" is declared by unhealthy instances only, used nevertheless: Traefik would not find it`;
      report(diagnose('TRAEFIK_NAME_UNHEALTHY', message, { span, related: [first.span] }));
    }

    /** A middleware's Host header counts unless the pool sends its instances' own, as in Traefik. */
    function withHost({ pool }: Pick<PoolMember, 'pool'>): Pick<PoolMember, 'pool'> {
      return hostOfOthers && pool.upstreamHost.kind !== 'endpoint' ? { pool: { ...pool, upstreamHost: hostOfOthers } } : { pool };
    }

    /** What a service does behind the middlewares of every route that uses it. Its instances ask for the same, or for 503. */
    function middlewaresOfService(reference: Reference): readonly Middleware[] {
      const [first, ...others] = known('service', reference.name);
      if (!first) return [];
      const own = JSON.stringify(first.middlewares?.map(withoutSpan) ?? []);
      const other = others.find(({ middlewares: list }) => JSON.stringify(list?.map(withoutSpan) ?? []) !== own);
      if (other) return miss(reference, `Cannot choose the middlewares of service "${reference.name}"`, [first.span, other.span]);
      return middlewaresOf(first.middlewares ?? [], 0);
    }

    function serviceOf(reference: Reference): readonly { member: PoolMember; instance: ServiceInstance; local: boolean }[] {
      const found = known('service', reference.name);
      for (const { fault } of found) if (fault) faults.push(fault);
      noteSpelling(reference, found);
      if (found.length > 0) return found.map((member) => ({ member, instance: member.instance, local: member.local }));
      miss(reference, `Cannot find service "${reference.name}"`);
      return [{ member: intent, instance, local }];
    }

    function profileOf(reference: Reference): TlsProfile | undefined {
      const profile = options.policies.get(reference.name)?.tlsProfile;
      if (!profile) miss(reference, `Cannot find the TLS options of policy "${reference.name}"${expected(options.policies)}`);
      return profile;
    }

    function withTransport({ pool, transport }: PoolMember): Pick<PoolMember, 'pool'> {
      if (!transport) return { pool };
      const found = options.transports.get(transport.name);
      if (!found) miss(transport, `Cannot find transport "${transport.name}"${expected(options.transports)}`);
      return { pool: found ? { ...pool, transport: found } : pool };
    }
  }
}

/** The definitions of a reading with what they are of; the same objects each time. */
const declaredBy = once(({ instance, local, definitions }: Reading) =>
  definitions.map((definition) => ({ ...definition, instance, local })),
);

function nameKey(kind: Definition['kind'], name: string, { source, owner }: ServiceInstance): string {
  return [kind, source, owner, name.toLowerCase()].join('\u0000');
}

/** What a middleware does, as text without places: equal for two that do the same. */
function contentOf(definition: Extract<Definition, { kind: 'middleware' }>): string {
  const { middlewares, upstreamHost, sidePools = [], fault } = definition;
  const pools = sidePools.map(({ name, pool, protocol }) => [name, pool, protocol]);
  return JSON.stringify([middlewares.map(withoutSpan), upstreamHost, pools, fault?.code]);
}

function expected(names: ReadonlyMap<string, unknown>): string {
  return names.size === 0 ? ', none is configured' : `, expected one of ${[...names.keys()].join(', ')}`;
}
