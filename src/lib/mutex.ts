/** Runs one task at a time; the others wait, in the order in which they came. */
export type Mutex = <T>(task: () => Promise<T>) => Promise<T>;

/** A mutex that nobody holds. A task that fails lets the next one run like any other. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
