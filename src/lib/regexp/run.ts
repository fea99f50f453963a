import { holds } from './character-set.ts';
import type { Step } from './program.ts';

/** Places in a text by slot: two for the whole match, two for each group; -1 where a group took no part. */
export type Slots = readonly number[];

interface Thread {
  readonly at: number;
  readonly slots: Slots;
}

/**
 * The leftmost match from a place on, of several there the preferred one; undefined where there is none. All ways through the program
 * are followed at once (a Pike machine, as in golang/go:src/regexp/exec.go): the time is at most steps × characters, whatever the
 * pattern. Text is read by code points, places are UTF-16 units.
 */
export function run(program: readonly Step[], text: string, from: number): Slots | undefined {
  const visited = new Int32Array(program.length).fill(-1);
  let threads: readonly Thread[] = [];
  let found: Slots | undefined;
  for (let place = from; place <= text.length; ) {
    const next: Thread[] = [];
    const added: Thread[] = [];
    for (const thread of threads) follow(thread, place, added);
    if (!found) follow({ at: 0, slots: [] }, place, added);
    const code = text.codePointAt(place);
    for (const thread of added) {
      const step = program[thread.at];
      if (step?.kind === 'match') {
        found = thread.slots;
        break;
      }
      if (step?.kind === 'characters' && code !== undefined && holds(step.set, code)) next.push({ at: thread.at + 1, slots: thread.slots });
    }
    threads = next;
    if (threads.length === 0 && found) return found;
    place += code !== undefined && code > 0xffff ? 2 : 1;
  }
  return found;

  /** Follows a thread through all steps that take no character, in order of preference; each step is taken once at each place. */
  function follow(thread: Thread, place: number, into: Thread[]): void {
    const waiting: Thread[] = [thread];
    for (let current = waiting.pop(); current; current = waiting.pop()) {
      const { at, slots } = current;
      const step = program[at];
      if (!step || visited[at] === place) continue;
      visited[at] = place;
      if (step.kind === 'characters' || step.kind === 'match') into.push(current);
      else if (step.kind === 'jump') waiting.push({ at: step.to, slots });
      else if (step.kind === 'split') waiting.push({ at: step.second, slots }, { at: step.first, slots });
      else if (step.kind === 'save') waiting.push({ at: at + 1, slots: withSlot(slots, step.slot, place) });
      else if (holdsAt(step.where, place)) waiting.push({ at: at + 1, slots });
    }
  }

  function holdsAt(where: Extract<Step, { kind: 'assert' }>['where'], place: number): boolean {
    if (where === 'start') return place === 0;
    if (where === 'end') return place === text.length;
    return (isWord(text.charAt(place - 1)) !== isWord(text.charAt(place))) === (where === 'wordBoundary');
  }
}

function withSlot(slots: Slots, slot: number, place: number): Slots {
  const copy = [...slots];
  while (copy.length <= slot) copy.push(-1);
  copy[slot] = place;
  return copy;
}

function isWord(char: string): boolean {
  return /^[A-Za-z0-9_]$/.test(char);
}
