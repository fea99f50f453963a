import { policiesOf, transportsOf } from '../config/policies.ts';
import { ConfigError, type ConfigFault } from '../config/error.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { PolicyConfig, TransportConfig } from '../config/policy-schema.ts';
import type { Server } from '../model/rendered.ts';
import { middlewareFeatures, type FeatureKind } from '../targets/features.ts';
import { isAble } from '../targets/fit.ts';
import { CAPABILITIES } from './targets.ts';

/** Throws `ConfigError` where the operator asks for what the proxy cannot do: protections are never left out with a warning. */
export function assertPolicies(loaded: LoadedConfig, options: { readonly server: Server; readonly modules: ReadonlySet<string> }): void {
  const faults = unsupportedPolicies(loaded, options);
  if (faults.length > 0) throw new ConfigError(faults, loaded.file);
}

/** The keys of policies and transports that a proxy with these modules cannot do, with the reason and what could be done instead. */
export function unsupportedPolicies(
  { config, placeOf }: Pick<LoadedConfig, 'config' | 'placeOf'>,
  { server, modules }: { readonly server: Server; readonly modules: ReadonlySet<string> },
): readonly ConfigFault[] {
  const trustsProxies = config.trustedProxies.length > 0;
  const able = (feature: FeatureKind): boolean => isAble(CAPABILITIES[server][feature], { modules });
  const faultsOf = (path: readonly string[], features: readonly FeatureKind[], nearest?: string): readonly ConfigFault[] => {
    const lacking = features.find((feature) => !able(feature));
    if (lacking === undefined) return [];
    const message = messageOf(path, lacking, { server, modules, nearest });
    return [{ key: path.join('.'), code: 'POLICY_UNSUPPORTED', message, ...placeOf(path) }];
  };
  const policies = Object.entries(config.policies).flatMap(([name, policy]) =>
    policyKeys(policy).flatMap((key) => {
      const near = NEAREST[key];
      const nearest = near && able(near.feature) ? near.key : undefined;
      return faultsOf(['policies', name, key], featuresOfKey({ [key]: policy[key] }, { trustsProxies }), nearest);
    }),
  );
  const transports = Object.entries(config.transports).flatMap(([name, transport]) =>
    (['rootCAs', 'timeouts'] as const).flatMap((key) => faultsOf(['transports', name, key], transportFeatures(transport, key))),
  );
  return [...policies, ...transports];
}

/** Keys that come nearest to what another asks for, and what a proxy must be able to do for them. */
const NEAREST: Readonly<Partial<Record<keyof PolicyConfig, { readonly key: keyof PolicyConfig; readonly feature: FeatureKind }>>> = {
  ipDeny: { key: 'ipAllow', feature: 'ipAllow' },
  rateLimit: { key: 'inFlight', feature: 'inFlight' },
  inFlight: { key: 'rateLimit', feature: 'rateLimit' },
  forwardAuth: { key: 'basicAuth', feature: 'basicAuth' },
  hsts: { key: 'headers', feature: 'headers' },
};

function policyKeys(policy: PolicyConfig): readonly (keyof PolicyConfig)[] {
  return (Object.keys(policy) as (keyof PolicyConfig)[]).filter((key) => policy[key] !== undefined);
}

function featuresOfKey(policy: PolicyConfig, options: { readonly trustsProxies: boolean }): readonly FeatureKind[] {
  const [made] = policiesOf({ policy }, options).values();
  const middlewares = (made?.middlewares ?? []).flatMap((middleware) => middlewareFeatures(middleware).map(({ feature }) => feature));
  return made?.tlsProfile ? [...middlewares, 'route.tlsProfile'] : middlewares;
}

function transportFeatures(transport: TransportConfig, key: 'rootCAs' | 'timeouts'): readonly FeatureKind[] {
  const [made] = transportsOf({ transport }).values();
  if (key === 'rootCAs') return made?.rootCas ? ['pool.rootCas'] : [];
  return (made?.dialTimeoutMs ?? made?.responseTimeoutMs ?? made?.idleTimeoutMs) === undefined ? [] : ['pool.timeouts'];
}

function messageOf(
  path: readonly string[],
  feature: FeatureKind,
  { server, modules, nearest }: { readonly server: Server; readonly modules: ReadonlySet<string>; readonly nearest: string | undefined },
): string {
  const { level, module, note } = CAPABILITIES[server][feature];
  const other = server === 'caddy' ? 'traefik' : 'caddy';
  const reason = note ?? (level === 'module' ? `the program lacks the module ${module ?? ''}` : `it cannot do ${feature}`);
  const ways = [
    ...(level === 'module' && !modules.has(module ?? '') ? [`a ${server} that is built with ${module ?? ''}`] : []),
    ...(isAble(CAPABILITIES[other][feature], { modules: new Set() }) ? [`the proxy ${other}`] : []),
    ...(nearest === undefined ? [] : [`the key ${nearest}`]),
  ];
  const expected = ways.length === 0 ? 'none of its kind' : ways.join(', or ');
  return `Cannot do "${path.join('.')}" with ${server}: ${reason}, expected ${expected}`;
}
