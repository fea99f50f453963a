import { joinHostPort } from '../lib/host.ts';
import { compareText } from '../lib/sort.ts';
import type { Cause, ServiceChange } from '../model/cause.ts';
import type { OwnerId, ServiceName } from '../model/names.ts';
import { redactedTag } from '../model/redact.ts';
import { isTombstone, type Route, type RoutingTable } from '../model/route.ts';
import { backendsOf } from '../model/table.ts';
import { backendsOfRoute, diffTables } from './diff.ts';

/** So many services are named; a first table may hold thousands. */
const NAMED = 50;

/** Which services and tags make the difference between two tables, by name and owner. Routes that only moved name nobody. */
export function causeOf(before: RoutingTable, after: RoutingTable): Cause {
  const { created, updated, removed } = diffTables(before, after);
  const keys = new Map<string, { readonly service: ServiceName; readonly owner: OwnerId }>();
  for (const route of [...created, ...removed, ...updated.flatMap((pair) => [pair.before, pair.after])])
    for (const service of route.services) keys.set([service, route.owner].join('\n'), { service, owner: route.owner });
  const [old, current] = [partsByService(before, keys), partsByService(after, keys)];
  const services = [...keys]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([key, { service, owner }]): ServiceChange => {
      const [was, is] = [old.get(key), current.get(key)];
      const tagsEnded = without(was?.buried, new Set([...(is?.buried ?? []), ...(is?.tags ?? [])]));
      return {
        service,
        owner,
        kind: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed',
        tagsAdded: without(is?.tags, was?.tags),
        tagsRemoved: without(was?.tags, is?.tags),
        ...(tagsEnded.length > 0 && { tagsEnded }),
        instancesAdded: without(is?.instances, was?.instances),
        instancesRemoved: without(was?.instances, is?.instances),
      };
    });
  return { services: services.slice(0, NAMED), more: Math.max(0, services.length - NAMED) };
}

interface Parts {
  readonly tags: Set<string>;
  /** Tags that went, in the place of which 503 is answered for a while. */
  readonly buried: Set<string>;
  readonly instances: Set<string>;
}

/** The tags and instances of those services in a table. */
function partsByService(table: RoutingTable, keys: ReadonlyMap<string, { readonly service: ServiceName }>): ReadonlyMap<string, Parts> {
  const parts = new Map<string, Parts>();
  const names = new Set([...keys.values()].map(({ service }) => service));
  const backends = backendsOf(table);
  for (const route of table.routes) for (const service of route.services) if (names.has(service)) note(route, service);
  return parts;

  function note(route: Route, service: ServiceName): void {
    const key = [service, route.owner].join('\n');
    if (!keys.has(key)) return;
    const known = parts.get(key) ?? { tags: new Set(), buried: new Set(), instances: new Set() };
    parts.set(key, known);
    const tags = isTombstone(route) ? known.buried : known.tags;
    for (const span of route.spans) if (span.service === service) tags.add(redactedTag(span.tag));
    for (const { address, port } of backendsOfRoute(route, backends).flatMap(({ endpoints }) => endpoints))
      known.instances.add(joinHostPort(address, port));
  }
}

function without(list: ReadonlySet<string> | undefined, others: ReadonlySet<string> | undefined): readonly string[] {
  return [...(list ?? [])].filter((item) => !others?.has(item)).toSorted(compareText);
}
