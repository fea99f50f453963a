import { readFile, readlink } from 'node:fs/promises';
import { sha256 } from './hash.ts';

/**
 * What names this process among all that may write to one directory, in `[0-9a-f-]`: the machine since it was started, the process id there,
 * when the process was started. Where the system says less than that, nobody can tell that it has ended.
 */
export function processMark(): Promise<string> {
  return (own ??= markOf());
}

let own: Promise<string> | undefined;

async function markOf(): Promise<string> {
  return [await machine(), process.pid, (await startOf(process.pid)) ?? 0].join('-');
}

/** Whether the process that a mark names has certainly ended; one of another machine or container never has. */
export async function hasEnded(mark: string): Promise<boolean> {
  const [where = '', pid = '', start = ''] = mark.split('-');
  if (where === UNKNOWN || where !== (await machine()) || start === '0') return false;
  return (await startOf(Number(pid))) !== start;
}

/** When a process was started, as the system counts; together with its id it tells it from every other. Undefined: it does not run. */
export async function startOf(pid: number): Promise<string | undefined> {
  return (await statusOf(pid))?.[19];
}

/** The id of the process that has started one, or that has taken it over; undefined: it does not run. */
export async function parentOf(pid: number): Promise<number | undefined> {
  const parent = (await statusOf(pid))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** What the system says of a process, from its state on (proc_pid_stat(5), field 3). */
async function statusOf(pid: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  // a process that has ended and that nobody has asked for is still listed
  return fields?.[0] === 'Z' ? undefined : fields;
}

const UNKNOWN = '00000000';

/** Where the ids of processes mean the same: this machine until it starts anew, and this container on it. */
async function machine(): Promise<string> {
  try {
    const parts = await Promise.all([readFile('/proc/sys/kernel/random/boot_id', 'utf8'), readlink('/proc/self/ns/pid')]);
    return sha256(parts.join()).slice(0, UNKNOWN.length);
  } catch {
    return UNKNOWN;
  }
}
