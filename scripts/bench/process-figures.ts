import { readFile } from 'node:fs/promises';

/** What a process uses: CPU time in ms since its start (in steps of 10), memory in MB now and at its highest. */
export interface ProcessFigures {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

/** Ticks of /proc/PID/stat are hundredths of a second on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Reads `/proc/PID`. Rejects where there is no such process. */
export async function processFigures(pid: number): Promise<ProcessFigures> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  // the name of the program stands in parentheses and may hold anything
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuMs: ticks * MS_PER_TICK, rssMb: megabytes(status, 'VmRSS'), peakMb: megabytes(status, 'VmHWM') };
}

function megabytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
}
