import type { Reading } from '../compile/candidates.ts';
import type { CatalogInstance } from '../compile/sources.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { readTags } from '../dialects/read-tags.ts';
import { instanceKey, type ServiceInstance } from '../model/catalog.ts';

/** Reads the tags of instances; what an instance asked for is remembered until something of it changes. */
export type TagReader = (instances: readonly CatalogInstance[]) => readonly Reading[];

/** A reader that parses only instances that are new or changed since its last call. */
export function createTagReader(dialects: readonly Dialect[]): TagReader {
  let remembered = new Map<string, Reading>();
  return (instances) => {
    const current = new Map<string, Reading>();
    for (const { instance, local } of instances) {
      const key = instanceKey(instance);
      const before = remembered.get(key);
      current.set(key, before?.local === local && sameInstance(before.instance, instance) ? before : read(instance, local));
    }
    remembered = current;
    return [...current.values()];
  };

  function read(instance: ServiceInstance, local: boolean): Reading {
    const { value, diagnostics } = readTags(instance, dialects);
    return { instance, local, ...value, diagnostics };
  }
}

function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  return a === b || fingerprint(a) === fingerprint(b);
}

function fingerprint(instance: ServiceInstance): string {
  return JSON.stringify(instance);
}
