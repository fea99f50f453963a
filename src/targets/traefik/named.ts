import { shortHash } from '../../lib/hash.ts';
import type { JsonObject } from './json.ts';
import type { ByName } from './schema.ts';

/** A named part of the file; equal parts have equal names and stand there once. */
export interface Named<T> {
  readonly name: string;
  readonly value: T;
}

/** A part named by its kind and content. */
export function named<T extends JsonObject>(kind: string, value: T): Named<T> {
  return { name: `${kind}-${shortHash([JSON.stringify(value)])}`, value };
}

/** Parts by their names, in the order of the list. */
export function byName<T>(parts: readonly Named<T>[]): ByName<T> {
  // without a prototype: an object that grows by a thousand names from nothing is several times slower
  const object: Record<string, T> = Object.create(null);
  for (const { name, value } of parts) object[name] = value;
  return object;
}

/** The same, or undefined where there is none: Traefik refuses a file that holds an empty map. */
export function byNameOrNone<T>(parts: readonly Named<T>[]): ByName<T> | undefined {
  return parts.length === 0 ? undefined : byName(parts);
}

/** A list, or undefined where it is empty. */
export function orNone<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** A time as Traefik reads it. */
export function duration(ms: number): string;
export function duration(ms: number | undefined): string | undefined;
export function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : `${ms}ms`;
}
