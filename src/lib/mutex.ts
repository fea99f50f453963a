/** Lets one task at a time run; the others wait their turn, in order. */
export type Turns = <T>(task: () => Promise<T>) => Promise<T>;

/** Turns that nobody has taken yet. A task that fails gives its turn on like any other. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
