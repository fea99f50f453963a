/** A pure function of an immutable object that answers once for each, and remembers it as long as the object lives. */
export function once<K extends object, R>(compute: (key: K) => R): (key: K) => R {
  const known = new WeakMap<K, { readonly result: R }>();
  return (key) => {
    let entry = known.get(key);
    if (!entry) known.set(key, (entry = { result: compute(key) }));
    return entry.result;
  };
}

/** The same for an object in a context: first the context is given, then any number of objects. */
export function memoised<K extends object, C extends object, R>(compute: (key: K, context: C) => R): (context: C) => (key: K) => R {
  return once((context: C) => once((key: K) => compute(key, context)));
}

/** The last answer for each object; it is given again while everything that it was made of is the same. */
export type Memory<R> = (at: { readonly key: object; readonly inputs: readonly unknown[] }, compute: () => R) => R;

/** Memories for answers that depend on more than one object, one for each context. */
export function createMemory<R>(): (context: object) => Memory<R> {
  return once(() => {
    const known = new WeakMap<object, { readonly inputs: readonly unknown[]; readonly result: R }>();
    return ({ key, inputs }, compute) => {
      const before = known.get(key);
      if (before && sameMembers(before.inputs, inputs)) return before.result;
      const result = compute();
      known.set(key, { inputs, result });
      return result;
    };
  });
}

/** Whether two lists hold the same objects in the same order. */
export function sameMembers<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((member, index) => member === b[index]);
}
