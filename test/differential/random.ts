/** Choices that depend on a seed alone. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** Whether something happens that happens in `probability` of all cases. */
  chance(probability: number): boolean;
  /** One of the items; throws where there is none. */
  pick<T>(items: readonly T[]): T;
  /** From `least` to `most` of the items, in their order. */
  some<T>(items: readonly T[], least: number, most: number): readonly T[];
}

/** Choices from a seed; the parts of the seed are joined, so that each catalog has its own. */
export function createRandom(...seed: readonly (string | number)[]): Random {
  let state = hashOf(seed.join(' '));
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick(items) {
      const index = below(items.length);
      const item = items[index];
      if (index >= items.length) throw new RangeError('Cannot pick: there is nothing to pick from');
      return item as (typeof items)[number];
    },
    some(items, least, most) {
      const count = Math.min(items.length, least + below(most - least + 1));
      const left = [...items.keys()];
      const taken = Array.from({ length: count }, () => left.splice(below(left.length), 1)[0] ?? 0);
      return items.filter((_, index) => taken.includes(index));
    },
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0;
}

/** The words of some lines: a list of texts without blanks. */
export function words(...lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => line.split(' '));
}
