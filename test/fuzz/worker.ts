import { parentPort, workerData } from 'node:worker_threads';
import { fuzz, type RunOptions } from './run.ts';

/** One thread of a run: posts the figures of each batch, and ends when it is told so or is through. */
const ends: (() => Promise<void>)[] = [];
let isToEnd = false;
parentPort?.once('message', () => {
  isToEnd = true;
});
try {
  await fuzz({ after: (end) => void ends.push(end) }, workerData as RunOptions, (figures) => {
    parentPort?.postMessage(figures, []);
    return !isToEnd;
  });
} finally {
  for (let end = ends.pop(); end; end = ends.pop()) await end();
  parentPort?.close();
}
