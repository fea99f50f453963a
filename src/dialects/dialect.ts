import type { ServiceInstance } from '../model/catalog.ts';
import type { Report } from '../model/diagnostic.ts';
import type { RouteIntent, TagReading } from '../model/intent.ts';
import type { Port, ServiceName } from '../model/names.ts';
import type { Transport } from '../model/pool.ts';
import type { DialectName } from '../model/route.ts';
import type { Written } from './written.ts';

/**
 * One language of routing tags. Pure: made once from the operator's settings, then asked for one instance at a time.
 * `parse` reads all tags of the instance that belong to it, reports what is wrong at the offset where it is, and returns the
 * intents that remain; a tag whose match can be read but whose options cannot be honoured gives an intent with a `fault`.
 */
export interface Dialect {
  readonly name: DialectName;
  /** Whether the tag belongs to this dialect, judged by its beginning alone. */
  recognises(tag: string): boolean;
  /** Whether a tag that it recognises may hold the control characters that it holds; a dialect without it reads none. */
  readsControls?(tag: string): boolean;
  /** Where the beginning of a tag that it does not recognise ends, if that is one of its own with a slip in it, and what was meant. */
  misspelt?(tag: string): { readonly end: number; readonly meant: string } | undefined;
  /** Several tags make one route, and what some of them mean depends on the others. */
  readonly speaksInSeveral?: true;
  parse(instance: ServiceInstance, report: Report): TagReading;
}

/** What a formatter must know of the instance whose tags it writes. */
export interface FormatContext {
  /** The service's name, which generated names begin with. */
  readonly service: ServiceName;
  /** The port that the instance registers; a route to another one says so. */
  readonly port: Port;
  /** Names of the usual entry points without and with TLS. */
  readonly entryPoints: { readonly plain: string; readonly tls: string };
  /** Where plain http of HinD's routes is led to: the port that ends TLS; absent: nowhere. */
  readonly httpsRedirect?: { readonly port: Port };
  /** What the operator's transports say, by name; one that is absent cannot be written as options. */
  readonly transports?: ReadonlyMap<string, Transport>;
}

/**
 * Writes what intents ask for as tags of one dialect: `parse(format(intents))` asks for the same. What the dialect cannot say, or only
 * in another way, is reported at the intent's first span and left out; nothing is lost without a word.
 */
export interface TagFormatter {
  readonly name: DialectName;
  /** The intents of one instance, and those that they imply and that must be written for themselves. */
  spelledOut?(intents: readonly RouteIntent[], context: FormatContext): readonly RouteIntent[];
  /** The tags of one instance for all its intents, in an order that depends on the intents alone. */
  format(intents: readonly RouteIntent[], context: FormatContext, report: Report): Written;
}
