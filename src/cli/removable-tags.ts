import type { Dialect } from '../dialects/dialect.ts';
import { readTags } from '../dialects/read-tags.ts';
import { serviceKey, type ServiceInstance } from '../model/catalog.ts';
import type { DialectName, Route, RoutingTable } from '../model/route.ts';
import { routesMissed } from '../plan/same-answers.ts';

/** Tags of one service that go or stay together: one tag, or all of a dialect that speaks in several. */
export interface TagUnit {
  readonly service: string;
  readonly owner: string;
  readonly dialect: DialectName;
  readonly tags: readonly string[];
  /** Where each of them is registered, in the order of the instances. */
  readonly spans: readonly { readonly instance: string; readonly tagIndex: number; readonly tag: string }[];
}

/** Which tags are not needed any more, and why others are. */
export interface RemovableTags {
  /** They may go together. */
  readonly removable: readonly TagUnit[];
  readonly staying: readonly (TagUnit & { readonly reason: StayReason })[];
}

/** Why a tag stays: nothing that it asks for is read, or nothing of it is served, or these routes would be answered in another way. */
export type StayReason = { readonly kind: 'unread' } | { readonly kind: 'needed'; readonly routes: readonly Route[] };

/**
 * The tags of other dialects than `to` without which every request is answered as with them, because tags that stay say the same. A tag
 * that asks for nothing, or for nothing that is served, stays: nobody has said it in another way. `tableOf` is the table of instances.
 */
export function removableTags(
  instances: readonly ServiceInstance[],
  {
    to,
    dialects,
    tableOf,
  }: {
    readonly to: DialectName;
    readonly dialects: readonly Dialect[];
    readonly tableOf: (instances: readonly ServiceInstance[]) => RoutingTable;
  },
): RemovableTags {
  const { units: read, unread } = unitsOf(instances, { to, dialects });
  const table = tableOf(instances);
  const { served: units, unserved } = servedAlone(read);
  const missedWithout = (gone: readonly TagUnit[]): readonly Route[] => routesMissed(table, tableOf(without(instances, gone)));
  const removable: TagUnit[] = [];
  const staying: (TagUnit & { readonly reason: StayReason })[] = [];
  settle(units);
  return {
    removable,
    staying: [...staying, ...[...unread, ...unserved].map((unit) => ({ ...unit, reason: { kind: 'unread' } as const }))],
  };

  /** Those that have routes, or would have them if nobody else asked for the same; a tag that is read and not served is said by nobody. */
  function servedAlone(all: readonly TagUnit[]): { readonly served: readonly TagUnit[]; readonly unserved: readonly TagUnit[] } {
    const inTable = (list: readonly TagUnit[], { routes }: RoutingTable): ReadonlySet<TagUnit> => {
      const asked = new Set(routes.flatMap(({ spans }) => spans.map(({ service, tag }) => JSON.stringify([service, tag]))));
      return new Set(list.filter(({ service, tags }) => tags.some((tag) => asked.has(JSON.stringify([service, tag])))));
    };
    const shown = inTable(all, table);
    const hidden = all.filter((unit) => !shown.has(unit));
    if (hidden.length === 0) return { served: all, unserved: [] };
    const together = inTable(hidden, tableOf(only(instances, hidden)));
    const unserved = hidden.filter((unit) => !together.has(unit) && inTable([unit], tableOf(only(instances, [unit]))).size === 0);
    return { served: all.filter((unit) => !unserved.includes(unit)), unserved };
  }

  /** Takes out what can go, halving what cannot go as a whole. */
  function settle(group: readonly TagUnit[]): void {
    const [first, ...rest] = group;
    if (!first) return;
    const routes = missedWithout([...removable, ...group]);
    if (routes.length === 0) removable.push(...group);
    else if (rest.length === 0) staying.push({ ...first, reason: { kind: 'needed', routes } });
    else {
      settle(group.slice(0, group.length >> 1));
      settle(group.slice(group.length >> 1));
    }
  }
}

function unitsOf(
  instances: readonly ServiceInstance[],
  { to, dialects }: { readonly to: DialectName; readonly dialects: readonly Dialect[] },
): { readonly units: readonly TagUnit[]; readonly unread: readonly TagUnit[] } {
  const found = new Map<string, { unit: TagUnit; isRead: boolean }>();
  for (const instance of instances) {
    const read = new Set(readTags(instance, dialects).value.intents.flatMap(({ spans }) => spans.map(({ tagIndex }) => tagIndex)));
    const speaking = new Set(dialects.filter((dialect) => instance.tags.some((tag, index) => dialect.recognises(tag) && read.has(index))));
    for (const [tagIndex, tag] of instance.tags.entries()) {
      const dialect = dialects.find((one) => one.recognises(tag));
      if (!dialect || dialect.name === to) continue;
      const together = dialect.speaksInSeveral === true;
      const key = JSON.stringify([serviceKey(instance), dialect.name, together ? '' : tag]);
      const before = found.get(key);
      const span = { instance: instance.instance, tagIndex, tag };
      const tags = before?.unit.tags ?? [];
      found.set(key, {
        unit: {
          service: instance.service,
          owner: instance.owner,
          dialect: dialect.name,
          tags: tags.includes(tag) ? tags : [...tags, tag],
          spans: [...(before?.unit.spans ?? []), span],
        },
        isRead: (before?.isRead ?? false) || (together ? speaking.has(dialect) : read.has(tagIndex)),
      });
    }
  }
  const all = [...found.values()];
  return {
    units: all.filter(({ isRead }) => isRead).map(({ unit }) => unit),
    unread: all.filter(({ isRead }) => !isRead).map(({ unit }) => unit),
  };
}

/** The instances with nothing but these tags. */
function only(instances: readonly ServiceInstance[], staying: readonly TagUnit[]): readonly ServiceInstance[] {
  const rest = without(instances, staying);
  return instances.map((instance, index) => {
    const gone = new Set(rest[index]?.tags ?? []);
    return { ...instance, tags: instance.tags.filter((tag) => !gone.has(tag)) };
  });
}

function without(instances: readonly ServiceInstance[], gone: readonly TagUnit[]): readonly ServiceInstance[] {
  const tags = new Map<string, Set<string>>();
  for (const { owner, service, tags: list } of gone) {
    const key = JSON.stringify([owner, service]);
    const known = tags.get(key) ?? new Set();
    for (const tag of list) known.add(tag);
    tags.set(key, known);
  }
  return instances.map((instance) => {
    const going = tags.get(JSON.stringify([instance.owner, instance.service]));
    return going ? { ...instance, tags: instance.tags.filter((tag) => !going.has(tag)) } : instance;
  });
}
