import { groupBy } from '../lib/sort.ts';
import type { CatalogSnapshot, ServiceInstance } from '../model/catalog.ts';
import type { SourceId } from '../model/names.ts';

/** An instance and whether its catalog is on this machine. */
export interface CatalogInstance {
  readonly instance: ServiceInstance;
  readonly local: boolean;
}

/**
 * The instances of all catalogs. `primary-wins`: where the primary has a service of a name, the instances that the other catalog
 * (of Consul and Nomad) has under that name are left out. `union`: all of them. File and static services are always added.
 */
export function instancesOf(
  snapshots: readonly CatalogSnapshot[],
  { primary, merge }: { readonly primary: SourceId; readonly merge: 'primary-wins' | 'union' },
): readonly CatalogInstance[] {
  const all = snapshots.flatMap(({ local, instances }) => instances.map((instance) => ({ instance, local })));
  if (merge === 'union') return all;
  const ofPrimary = new Set((groupBy(all, ({ instance }) => instance.source).get(primary) ?? []).map(({ instance }) => instance.service));
  const isOther = ({ source }: ServiceInstance): boolean => source !== primary && (source === 'consul' || source === 'nomad');
  return all.filter(({ instance }) => !(isOther(instance) && ofPrimary.has(instance.service)));
}
