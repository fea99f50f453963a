/** Whether a value that was read from outside has the shape of `T`. */
export type Shape<T> = (value: unknown) => value is T;

/** Any text; of a branded kind only where every text is one. */
export function text<T extends string = string>(): Shape<T> {
  return (value): value is T => typeof value === 'string';
}

/** A finite number, as every number of JSON is. */
export const number: Shape<number> = (value): value is number => Number.isFinite(value);

/** `true` or `false`. */
export const truth: Shape<boolean> = (value): value is boolean => typeof value === 'boolean';

/** One of a few texts. */
export function oneOf<T extends string>(texts: readonly T[]): Shape<T> {
  return (value): value is T => texts.some((known) => known === value);
}

/** A list whose items all have a shape. */
export function listOf<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(item);
}

/** A list of two. */
export function pairOf<A, B>(first: Shape<A>, second: Shape<B>): Shape<readonly [A, B]> {
  return (value): value is readonly [A, B] => Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1]);
}

/** An object with any keys whose values all have a shape. */
export function recordOf<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value): value is Readonly<Record<string, T>> => isObject(value) && Object.values(value).every(item);
}

/** An object with these keys and, where they are there, the `optional` ones; others are nobody's business. */
export function objectOf<T extends object>(
  required: { readonly [Key in RequiredKey<T>]-?: Shape<T[Key]> },
  optional: { readonly [Key in Exclude<keyof T, RequiredKey<T>>]-?: Shape<NonNullable<T[Key]>> },
): Shape<T> {
  const [all, some] = [shapesOf(required), shapesOf(optional)];
  return (value): value is T => {
    if (!isObject(value)) return false;
    const read = new Map(Object.entries(value));
    return all.every(([key, shape]) => shape(read.get(key))) && some.every(([key, shape]) => !read.has(key) || shape(read.get(key)));
  };
}

type RequiredKey<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? never : Key }[keyof T];

function shapesOf(fields: object): readonly (readonly [string, Shape<unknown>])[] {
  return Object.entries(fields) as readonly (readonly [string, Shape<unknown>])[];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
