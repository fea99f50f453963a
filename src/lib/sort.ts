/** Compares two strings by code unit: the same order on every machine and locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A comparator made of several: the first that does not answer 0 decides. */
export function compareBy<T>(...comparators: readonly ((a: T, b: T) => number)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const compare of comparators) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** The distinct texts in code-unit order. */
export function sortedUnique<T extends string>(texts: Iterable<T>): T[] {
  return [...new Set(texts)].toSorted(compareText);
}

/** Groups values by a key, keys in order of first appearance. */
export function groupBy<K, V>(values: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/**
 * A sorter for lists that come again with few changes: it starts from the order of before, and what is nearly sorted sorts in linear
 * time. `compare` must order any two different objects, so that the result does not depend on what came before.
 */
export function createSorter<T extends object>(): (values: readonly T[], compare: (a: T, b: T) => number) => readonly T[] {
  const places = new WeakMap<T, number>();
  let size = 0;
  return (values, compare) => {
    const known = Array.from<T | undefined>({ length: size });
    const fresh: T[] = [];
    for (const value of values) {
      const place = places.get(value);
      if (place === undefined || place >= size || known[place] !== undefined) fresh.push(value);
      else known[place] = value;
    }
    const sorted = [...known.filter((value) => value !== undefined), ...fresh].toSorted(compare);
    size = sorted.length;
    for (const [index, value] of sorted.entries()) if (places.get(value) !== index) places.set(value, index);
    return sorted;
  };
}
