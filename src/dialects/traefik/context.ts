import type { ServiceInstance } from '../../model/catalog.ts';
import type { Tell } from './tell.ts';

/** What the operator's configuration says about Traefik labels. */
export interface TraefikSettings {
  readonly prefix: string;
  readonly exposedByDefault: boolean;
  /** Host of services without a rule, with `{name}` and `{suffix}`. */
  readonly defaultRule: string;
  readonly domainSuffix: string;
}

/** What every reader of one instance's labels needs. */
export interface Context {
  readonly instance: ServiceInstance;
  readonly settings: TraefikSettings;
  readonly tell: Tell;
}

/** The name of a service as Traefik makes it for routers and services that no label names: letters and digits of the catalog's name. */
export function normalisedName({ service }: Pick<ServiceInstance, 'service'>): string {
  return service
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== '')
    .join('-');
}

/** How Traefik names the provider of an instance's labels. */
export function providerOf({ source }: Pick<ServiceInstance, 'source'>): string {
  return source === 'consul' ? 'consulcatalog' : source;
}

/** A reference in a label: `name`, or `name@provider`. */
export interface Link {
  readonly name: string;
  /** Where the name is looked up: among the labels of services, the operator's own, Traefik's, or a provider that there is not. */
  readonly scope: 'labels' | 'file' | 'internal' | 'elsewhere';
}

/** Reads a reference; without provider, or with that of the labels, it means what labels declare. */
export function parseLink(text: string): Link {
  const at = text.indexOf('@');
  if (at < 0) return { name: text, scope: 'labels' };
  const provider = text.slice(at + 1);
  const name = text.slice(0, at);
  if (provider === 'consulcatalog' || provider === 'nomad') return { name, scope: 'labels' };
  return { name, scope: provider === 'file' || provider === 'internal' ? provider : 'elsewhere' };
}
