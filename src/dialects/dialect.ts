import type { ServiceInstance } from '../model/catalog.ts';
import type { Report } from '../model/diagnostic.ts';
import type { DialectName, RouteIntent } from '../model/route.ts';

/**
 * One language of routing tags. Pure: made once from the operator's settings, then asked for one instance at a time.
 * `parse` reads all tags of the instance that belong to it, reports what is wrong at the offset where it is, and returns the
 * intents that remain; a tag whose match can be read but whose options cannot be honoured gives an intent with a `fault`.
 */
export interface Dialect {
  readonly name: DialectName;
  /** Whether the tag belongs to this dialect, judged by its beginning alone. */
  claims(tag: string): boolean;
  parse(instance: ServiceInstance, report: Report): readonly RouteIntent[];
}
