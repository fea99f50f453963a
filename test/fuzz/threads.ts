import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { NOTHING, together, type Figures, type RunOptions } from './run.ts';

/** What is told of a run while it goes on. A signal ends it after the batches that are being read. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly progress: (figures: Figures) => void;
}

/** Runs sets on several threads, each with a stretch of them and programs of its own. Returns the figures of all. */
export async function fuzzOnThreads(options: RunOptions, threads: number, { signal, progress }: Watch): Promise<Figures> {
  const stretch = Math.ceil(options.sets / threads);
  let figures = NOTHING;
  const stretches = Array.from({ length: threads }, (_, index) => ({
    ...options,
    first: options.first + index * stretch,
    sets: Math.max(0, Math.min(stretch, options.sets - index * stretch)),
  }));
  await Promise.all(
    stretches.map(
      (one) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(join(import.meta.dirname, 'worker.ts'), { workerData: one });
          const stop = (): void => worker.postMessage('end', []);
          signal.addEventListener('abort', stop, { once: true });
          if (signal.aborted) stop();
          worker.on('message', (more: Figures) => {
            figures = together(figures, more);
            progress(figures);
          });
          worker.once('error', reject);
          worker.once('exit', () => {
            signal.removeEventListener('abort', stop);
            resolve();
          });
        }),
    ),
  );
  return figures;
}
