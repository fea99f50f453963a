import type { ChangeFigures } from './change.ts';
import type { ProcessFigures } from './process-figures.ts';
import { mean, median, percentile } from './stats.ts';
import type { SubjectName } from './subject.ts';

/** What one run has seen of one subject at one number of services. */
export interface Sample {
  readonly subject: SubjectName;
  readonly services: number;
  readonly coldMs: readonly number[];
  readonly changes: readonly ChangeFigures[];
  readonly ownApplyMs: readonly number[];
  readonly controller?: ProcessFigures;
  readonly proxy: ProcessFigures;
}

/** One row of the result; times in ms, memory in MB. What does not apply to a subject is absent. */
export interface Row {
  readonly services: number;
  readonly subject: SubjectName;
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ownApplyMs?: number;
  /** Twice the proxy's own apply time plus 10 ms: what p50 should not pass. */
  readonly aimMs?: number;
  /** p50 of the peer divided by p50 of this subject: above 1 this one is faster. */
  readonly timesFaster?: number;
  readonly controllerCpuMs?: number;
  readonly proxyCpuMs: number;
  readonly controllerRssMb?: number;
  readonly controllerPeakMb?: number;
  readonly proxyRssMb: number;
  /** The first start, before Node has kept compiled code. */
  readonly firstMs: number;
  /** The median of the later starts, of the first where there is no other. */
  readonly coldMs: number;
  readonly unanswered: number;
}

/** The rows of samples, compared with the peer at the same number of services. */
export function rowsOf(samples: readonly Sample[]): readonly Row[] {
  return samples.map(({ subject, services, coldMs, changes, ownApplyMs, controller, proxy }) => {
    const times = changes.map(({ tookMs }) => tookMs);
    const peer = samples.find((other) => other.subject === 'peer' && other.services === services && other.subject !== subject);
    const own = ownApplyMs.length > 0 ? median(ownApplyMs) : undefined;
    return {
      services,
      subject,
      changes: changes.length,
      p50Ms: median(times),
      p99Ms: percentile(times, 0.99),
      ...(own !== undefined && { ownApplyMs: own, aimMs: 2 * own + 10 }),
      ...(peer && { timesFaster: median(peer.changes.map(({ tookMs }) => tookMs)) / median(times) }),
      ...(controller && {
        controllerCpuMs: mean(changes.map(({ controllerCpuMs }) => controllerCpuMs)),
        controllerRssMb: controller.rssMb,
        controllerPeakMb: controller.peakMb,
      }),
      proxyCpuMs: mean(changes.map(({ proxyCpuMs }) => proxyCpuMs)),
      proxyRssMb: proxy.rssMb,
      firstMs: coldMs[0] ?? Number.NaN,
      coldMs: median(coldMs.length > 1 ? coldMs.slice(1) : coldMs),
      unanswered: changes.reduce((sum, change) => sum + change.unanswered, 0),
    };
  });
}

const NAMES = { caddy: 'hind-proxy + Caddy', traefik: 'hind-proxy + Traefik', peer: "Traefik's own provider" } satisfies Record<
  SubjectName,
  string
>;

/** The rows as a table for people. */
export function printTable(rows: readonly Row[]): string {
  const heads = ['services', 'subject', 'p50 ms', 'p99 ms', 'v. peer', 'own apply ms', 'aim ms', 'CPU ms', 'RSS MB', 'first ms', 'cold ms'];
  const cells = rows.map((row) => [
    String(row.services),
    NAMES[row.subject],
    number(row.p50Ms),
    number(row.p99Ms),
    row.timesFaster === undefined ? '' : `${row.timesFaster.toFixed(1)} x`,
    number(row.ownApplyMs),
    row.aimMs === undefined ? '' : `${number(row.aimMs)} ${row.p50Ms <= row.aimMs ? 'met' : 'MISSED'}`,
    row.controllerCpuMs === undefined ? number(row.proxyCpuMs) : `${number(row.controllerCpuMs)} + ${number(row.proxyCpuMs)}`,
    row.controllerRssMb === undefined
      ? number(row.proxyRssMb)
      : `${number(row.controllerRssMb)} (peak ${number(row.controllerPeakMb)}) + ${number(row.proxyRssMb)}`,
    number(row.firstMs),
    number(row.coldMs),
  ]);
  return printColumns([heads, ...cells], 1);
}

/** Lines of cells in columns, to the right; those of one column may be to the left. */
export function printColumns(lines: readonly (readonly string[])[], leftColumn?: number): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === leftColumn ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function number(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '';
  return value < 20 ? value.toFixed(1) : String(Math.round(value));
}
