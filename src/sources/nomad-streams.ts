import type { Nomad } from '../nomad/client.ts';
import { NomadError } from '../nomad/error.ts';
import type { StreamMessage, StreamPatience } from '../nomad/events.ts';

/** One transaction as the stream carries it. */
export type NomadTransaction = Extract<StreamMessage, { readonly kind: 'events' }>;

/** Open event streams, one for each namespace, read into one queue. */
export interface NomadStreams {
  /** The next transaction; undefined: none is waiting. */
  next(): NomadTransaction | undefined;
  /** One of them has ended, for whatever reason. What came before is still in the queue. */
  ended(): boolean;
  /** More came than is kept: everything must be read anew. */
  overflowed(): boolean;
}

const MAX_LINES = 10_000;

/**
 * Opens a stream for each namespace, from `index` on; undefined where one of them is refused: it says nothing at first, or 403. Throws
 * `NomadError` where the agent does not answer. `onLine` is called for each line, and when a stream ends. They end with `signal`.
 */
export async function openNomadStreams(options: {
  readonly nomad: Nomad;
  readonly namespaces: readonly string[];
  readonly index: bigint;
  readonly patience: Partial<StreamPatience>;
  readonly onLine: () => void;
  readonly signal: AbortSignal;
}): Promise<NomadStreams | undefined> {
  const { nomad, namespaces, index, patience, onLine, signal } = options;
  const closing = new AbortController();
  const until = AbortSignal.any([signal, closing.signal]);
  let queue: NomadTransaction[] = [];
  let taken = 0;
  let [isEnded, isOverflowed] = [false, false];
  try {
    await Promise.all(namespaces.map(openOne));
  } catch (error) {
    closing.abort();
    if (error instanceof NomadError && (error.failure === 'refused' || error.status === 403)) return undefined;
    throw error;
  }
  return {
    next() {
      const line = queue[taken];
      taken += line ? 1 : 0;
      if (taken === queue.length) [queue, taken] = [[], 0];
      return line;
    },
    ended: () => isEnded,
    overflowed: () => isOverflowed,
  };

  async function openOne(namespace: string): Promise<void> {
    const messages = nomad.events({ namespace, index, patience, signal: until })[Symbol.asyncIterator]();
    const first = await messages.next();
    if (first.done) throw new NomadError('Cannot open the event stream of Nomad: it ended', { failure: 'refused', status: 200 });
    void pump(messages);
  }

  async function pump(messages: AsyncIterator<StreamMessage>): Promise<void> {
    try {
      for (let message = await messages.next(); !message.done; message = await messages.next()) {
        if (message.value.kind !== 'events') continue;
        if (queue.length - taken < MAX_LINES) queue.push(message.value);
        else isOverflowed = true;
        onLine();
      }
    } catch {
      // an end is an end: the next session says what is wrong, where its reads fail too
    } finally {
      isEnded = true;
      onLine();
    }
  }
}
