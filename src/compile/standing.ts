import type { Health, ServiceInstance } from '../model/catalog.ts';
import type { DialectName } from '../model/route.ts';
import type { CompileOptions, HealthRule } from './options.ts';

/** What an instance's health means for one route: `ignored` instances give no route at all. */
export type Standing = 'routed' | 'unhealthy' | 'ignored';

/** What decides it beside the instance. */
export type HealthOptions = Pick<CompileOptions, 'health' | 'requireChecks' | 'checkingSources'>;

const PASSING: readonly Health[] = ['passing'];
const WITHOUT_CHECK: readonly Health[] = ['passing', 'unknown'];
const WITH_WARNING: readonly Health[] = ['passing', 'unknown', 'warning'];

/**
 * What an instance's health means for its routes in one dialect.
 * Fabio: passing with at least one check. HinD: passing or unchecked. Traefik: also warning. An operator's rule
 * replaces these.
 */
export function standingOf(instance: ServiceInstance, dialect: DialectName, options: HealthOptions): Standing {
  const { health, source } = instance;
  const rule = options.health.get(source);
  if (rule) return healthByRule(rule).includes(health) ? 'routed' : 'unhealthy';
  if (dialect === 'fabio') {
    const needsCheck = options.requireChecks && options.checkingSources.has(source);
    if (health === 'unknown') return needsCheck ? 'ignored' : 'routed';
    return PASSING.includes(health) ? 'routed' : 'unhealthy';
  }
  return (dialect === 'hind' ? WITHOUT_CHECK : WITH_WARNING).includes(health) ? 'routed' : 'unhealthy';
}

function healthByRule(rule: HealthRule): readonly Health[] {
  return rule === 'passing' ? WITHOUT_CHECK : rule === 'warning' ? WITH_WARNING : [...WITH_WARNING, 'critical'];
}

/** Why an instance's health keeps it from its routes in one dialect; undefined where it does not. */
export function whyOut(instance: ServiceInstance, dialect: DialectName, options: HealthOptions): string | undefined {
  if (standingOf(instance, dialect, options) === 'routed') return undefined;
  const { health, source } = instance;
  switch (health) {
    case 'critical':
      // Nomad lists no checks with its services: there it is our own attempt to connect
      return source === 'nomad' ? 'it does not accept connections' : 'its check is critical';
    case 'warning':
      return `its check warns, and ${dialect} routes only to passing ones`;
    case 'maintenance':
      return 'it is in maintenance';
    case 'unknown':
      return `it has no check, and ${dialect} routes only to checked ones`;
    default:
      return `its health is ${health}`;
  }
}
