import type { Reading } from '../compile/candidates.ts';
import type { CatalogInstance } from '../compile/sources.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { readTags } from '../dialects/read-tags.ts';
import { once } from '../lib/memo.ts';
import type { ServiceInstance } from '../model/catalog.ts';

/** Reads the tags of instances; what an instance asked for is remembered as long as the instance is the same. */
export type TagReader = (instances: readonly CatalogInstance[]) => readonly Reading[];

/** A reader that parses only instances that it has not seen. */
export function createTagReader(dialects: readonly Dialect[]): TagReader {
  const [nearby, elsewhere] = [reader(true), reader(false)];
  return (instances) => instances.map(({ instance, local }) => (local ? nearby : elsewhere)(instance));

  /** `local`: the catalog of the instances is on this machine. */
  function reader(local: boolean): (instance: ServiceInstance) => Reading {
    return once((instance) => {
      const { value, diagnostics } = readTags(instance, dialects);
      return { instance, local, ...value, diagnostics };
    });
  }
}
