import type { Reading } from '../compile/candidates.ts';
import type { EvaluationContext } from '../compile/evaluation/effects.ts';
import type { CompileOptions } from '../compile/options.ts';
import type { CatalogInstance } from '../compile/sources.ts';
import type { HeldRoute } from '../model/change.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Server } from '../model/rendered.ts';
import type { DialectName, RoutingTable } from '../model/route.ts';

/** Everything that is known at one moment, for views that put it together. */
export interface Scene {
  /** The table that is served, and what of it the proxy can do. */
  readonly serving: RoutingTable;
  readonly fitted: RoutingTable;
  readonly context: EvaluationContext;
  /** The entry points that the proxy opens. */
  readonly entryPoints: readonly EntryPoint[];
  readonly held: readonly HeldRoute[];
  readonly diagnostics: readonly Diagnostic[];
  /** The instances of all catalogs, and those that count where several catalogs have a service. */
  readonly known: readonly CatalogInstance[];
  readonly counted: readonly CatalogInstance[];
  /** What the tags of the counted instances ask for. */
  readonly readings: readonly Reading[];
  /** The dialect that a tag belongs to, whether or not it is read. */
  readonly dialectOf: (tag: string) => DialectName | undefined;
  readonly options: CompileOptions;
  readonly proxy: SceneProxy;
}

/** The proxy of a scene, and whether it serves the table. */
export interface SceneProxy {
  readonly name: string;
  readonly server: Server;
  /** `unknown`: no controller runs, so nobody has looked. */
  readonly state: 'verified' | 'unverified' | 'unknown';
  readonly generation?: number;
  /** The generation that an operator has put back; the catalogs are not followed. */
  readonly pinned?: number;
  readonly problem?: string;
}
