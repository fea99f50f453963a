import { NomadError } from './error.ts';
import { serviceEvent, streamLine, type ServiceEvent } from './types.ts';

/** What a stream says: that it is open, that it lives, or one transaction. */
export type StreamMessage =
  | { readonly kind: 'open' | 'heartbeat' }
  | { readonly kind: 'events'; readonly index: bigint; readonly events: readonly ServiceEvent[] };

/** How long a stream may be silent, in ms. */
export interface StreamPatience {
  /** Until its first line: a refused stream is a 200 without any, which stays open. */
  readonly openMs: number;
  /** Between lines: there is one every 30 s. */
  readonly silenceMs: number;
}

const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * Reads the lines of an event stream. The first one opens it. Ends where the stream ends, which is normal; throws `NomadError` `refused`
 * where no line comes, `silent` where they stop, `body` for a line that is no JSON or has another shape. Events that are none about a service are left out.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>, patience: StreamPatience): AsyncGenerator<StreamMessage> {
  let isOpen = false;
  for await (const line of linesOf(
    body,
    () => (isOpen ? patience.silenceMs : patience.openMs),
    () => isOpen,
  )) {
    if (!isOpen) {
      isOpen = true;
      yield { kind: 'open' };
    }
    yield parseLine(line);
  }
  if (!isOpen) throw new NomadError('Cannot open the event stream of Nomad: it ended without a line', { failure: 'refused', status: 200 });
}

function parseLine(line: string): StreamMessage {
  const { Index: index, Events: events } = lineOf(line);
  if (index === undefined || !events) return { kind: 'heartbeat' };
  const read = events.map((event) => serviceEvent.safeParse(event));
  return { kind: 'events', index: BigInt(index), events: read.flatMap(({ data }) => data ?? []) };
}

function lineOf(line: string): ReturnType<typeof streamLine.parse> {
  try {
    return streamLine.parse(JSON.parse(line));
  } catch (error) {
    const fault = error instanceof SyntaxError ? 'is no JSON' : 'has another shape';
    throw new NomadError(`Cannot read a line of the event stream: it ${fault}`, { failure: 'body', status: 200, cause: error });
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>, patienceMs: () => number, isOpen: () => boolean): AsyncGenerator<string> {
  const chunks = body[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const chunk = await within(chunks.next(), patienceMs(), isOpen());
      if (chunk.done) return;
      const lines = (rest + decoder.decode(chunk.value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_BYTES) throw new NomadError('Cannot read a line of the event stream: it is too long', { failure: 'body' });
      for (const line of lines) if (line.trim() !== '') yield line;
    }
  } finally {
    // not awaited: a body that gives nothing would hold its reader back
    Promise.resolve(chunks.return?.()).catch(() => undefined);
  }
}

async function within<T>(next: Promise<T>, ms: number, isOpen: boolean): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = isOpen
      ? new NomadError(`Cannot go on with the event stream of Nomad: silent for ${ms} ms`, { failure: 'silent', status: 200 })
      : new NomadError(`Cannot open the event stream of Nomad: no line within ${ms} ms`, { failure: 'refused', status: 200 });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    next.catch(() => undefined);
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}
