import type { Reading } from '../compile/candidates.ts';
import { buildTable, type Compiled } from '../compile/compile.ts';
import type { CompileOptions } from '../compile/options.ts';
import { instancesOf } from '../compile/sources.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { CatalogSnapshot } from '../model/catalog.ts';
import { diagnose, type Diagnosed, type Diagnostic } from '../model/diagnostic.ts';
import type { OwnerId, SourceId } from '../model/names.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../model/route.ts';
import { backendsOf, createTable, EMPTY_TABLE } from '../model/table.ts';
import { createTagReader } from './readings.ts';
import { createRefusedParts, RETRY_GAP_MS, type RefusedParts } from './refused.ts';
import { reportUnchecked } from './unchecked.ts';
import { unitContents } from './units.ts';

/** The pure part of a cycle: catalogs in, wanted table and diagnostics out. */
export interface Pipeline {
  /** The table that the snapshots ask for. */
  compile(snapshots: readonly CatalogSnapshot[], claims: ReadonlyMap<string, OwnerId>): Diagnosed<Compiled>;
  /** What the tags of the instances that count ask for. */
  readings(snapshots: readonly CatalogSnapshot[]): readonly Reading[];
  /**
   * Leaves units and opened ports alone that the proxy has refused, until they change or are tried again. Whether there are any, or any that
   * were tried and are not asked for any more. A unit that is refused again is served in less: first in its last good form, then with 503,
   * then not at all. `nowMs` here and below: of one monotonic clock.
   */
  refuse(refusal: Refusal, table: RoutingTable, nowMs: number): boolean;
  /** The proxy has taken what was compiled last, and with it what was tried. */
  accept(): void;
  /** The proxy is another one, or was started again: what it has refused before is tried soon. */
  forgetWaits(nowMs: number): void;
  /** When something that was refused is to be tried again; infinite where nothing is, or something is tried now. */
  retryAtMs(): number;
  /** Asks for the part that waits longest as it is wanted, if it is time. Whether there is one: the next table asks for it. */
  retry(nowMs: number): boolean;
}

/** What of a table a proxy did not take. */
export interface Refusal {
  readonly units: readonly string[];
  /** Where it could not listen. */
  readonly ports?: readonly number[];
}

/** What decides a pipeline's results. */
export interface PipelineOptions {
  readonly dialects: readonly Dialect[];
  readonly compile: CompileOptions;
  readonly primary: SourceId;
  readonly merge: 'primary-wins' | 'union';
}

/** A pipeline that remembers what tags said and what the proxy has refused. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const readAll = createTagReader(options.dialects);
  const refused = createRefusedParts<RefusedForm>();
  const refusedPorts = createRefusedParts<'closed'>();
  const both = [refused, refusedPorts] as const;
  let wanted = EMPTY_TABLE;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let isTrying = false;
  const retryAtMs = (): number => (isTrying ? Number.POSITIVE_INFINITY : Math.max(triedAtMs + RETRY_GAP_MS, nextOf(both)));
  return {
    compile(snapshots, claims) {
      const readings = readAll(instancesOf(snapshots, options));
      const built = buildTable(readings, { options: options.compile, claims });
      const compiled = { ...built, diagnostics: [...built.diagnostics, ...reportUnchecked(readings, options.compile)] };
      const opened = refusedPorts.size === 0 ? compiled : withoutPorts(compiled, refusedPorts);
      wanted = opened.value.table;
      return refused.size === 0 ? opened : withoutRefused(opened, refused);
    },
    readings: (snapshots) => readAll(instancesOf(snapshots, options)),
    accept() {
      for (const parts of both) parts.accept();
      isTrying = false;
    },
    forgetWaits(nowMs) {
      for (const parts of both) parts.forgetWaits(nowMs);
    },
    retryAtMs,
    retry(nowMs) {
      if (retryAtMs() > nowMs) return false;
      const [next] = both.toSorted((a, b) => a.nextAtMs() - b.nextAtMs());
      next?.retry(nowMs);
      triedAtMs = nowMs;
      isTrying = true;
      return true;
    },
    refuse({ units, ports = [] }, table, nowMs) {
      const asked = unitContents(wanted);
      // what nobody asks for any more is not served in another form either
      const found = units.filter((unit) => asked.has(unit));
      for (const unit of found) refused.refuse(unit, { content: asked.get(unit) ?? '', nowMs, lesser });
      const opened = ports.map(String).filter((name) => table.routes.some(({ entryPoints }) => entryPoints.includes(name)));
      for (const name of opened) refusedPorts.refuse(name, { content: portContent(table, name), nowMs, lesser: () => 'closed' });
      // a trial must not hold up what others change, whatever it was that was refused
      const isTakenBack = both.map((parts) => parts.takeBack(nowMs)).includes(true);
      isTrying = false;
      return found.length > 0 || opened.length > 0 || isTakenBack;
    },
  };
}

/** When the first of all may be tried again. */
function nextOf(all: readonly { nextAtMs(): number }[]): number {
  return Math.min(...all.map((parts) => parts.nextAtMs()));
}

/** Routes lose opened entry points where the proxy could not listen, until the routes there change. */
function withoutPorts({ value, diagnostics }: Diagnosed<Compiled>, refused: RefusedParts<'closed'>): Diagnosed<Compiled> {
  refused.keepSame((name) => portContent(value.table, name));
  const reports = [...diagnostics];
  const routes = value.table.routes.flatMap((route): Route[] => {
    const entryPoints = route.entryPoints.filter((name) => refused.formOf(name) === undefined);
    if (entryPoints.length === route.entryPoints.length) return [route];
    const message = `Cannot serve the route: the proxy cannot listen on port ${route.entryPoints.join(', ')}; another program does`;
    reports.push(diagnose('ROUTE_ENTRYPOINT_MISSING', message, { span: route.spans[0] }));
    return entryPoints.length > 0 ? [{ ...route, entryPoints }] : [];
  });
  return { value: { ...value, table: createTable(routes, backendsOf(value.table)) }, diagnostics: reports };
}

function portContent({ routes }: RoutingTable, name: string): string {
  return JSON.stringify(routes.filter(({ entryPoints }) => entryPoints.includes(name)).map(({ match }) => match));
}

/** In which form a unit is served that the proxy has refused. */
type RefusedForm = 'lastGood' | 'withheld' | 'none';

function lesser(form: RefusedForm | undefined): RefusedForm {
  if (form === undefined) return 'lastGood';
  return form === 'lastGood' ? 'withheld' : 'none';
}

/** The routes of units that the proxy has refused in their last good form, with 503, or left out, until they change. */
function withoutRefused({ value, diagnostics }: Diagnosed<Compiled>, refused: RefusedParts<RefusedForm>): Diagnosed<Compiled> {
  const contents = unitContents(value.table);
  refused.keepSame((unit) => contents.get(unit));
  const backends = backendsOf(value.table);
  const faults = new Map(value.faults);
  const pools = new Map(value.pools);
  const reports = [...diagnostics];
  const routes = value.table.routes.flatMap((route): readonly Route[] => {
    const form = refused.formOf(route.unit);
    if (form === undefined) return [route];
    reports.push(reportOf(form, route));
    if (form === 'none') return [];
    if (form === 'lastGood') {
      faults.set(route.id, { kind: 'quarantined', code: 'ROUTE_QUARANTINED' });
      const pool = backendIdsOf(route).flatMap((id) => backends.get(id)?.endpoints ?? []);
      if (pool.length > 0) pools.set(route.id, pool);
    }
    return [{ ...route, middlewares: [], action: { kind: 'respond', status: 503, reason: 'withheld' } }];
  });
  return { value: { ...value, faults, pools, table: createTable(routes, backends) }, diagnostics: reports };
}

function reportOf(form: RefusedForm, { spans: [span] }: Route): Diagnostic {
  if (form === 'lastGood') return diagnose('ROUTE_QUARANTINED', 'The proxy refuses this route; its last good form is served', { span });
  const served = form === 'withheld' ? 'it answers 503' : 'it is left out';
  return diagnose('ROUTE_WITHHELD', `The proxy refuses this route in its last good form too; ${served}`, { span });
}
