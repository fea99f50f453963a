/** Runs one task at a time. While it does, every other one is refused with an error of the sentence that it comes with. */
export type UnlessBusy = <T>(refusal: string, task: () => Promise<T>) => Promise<T>;

/** Nothing runs yet. A task that fails lets the next one begin like any other. */
export function createUnlessBusy(): UnlessBusy {
  let isBusy = false;
  return async <T>(refusal: string, task: () => Promise<T>): Promise<T> => {
    if (isBusy) throw new Error(refusal);
    isBusy = true;
    try {
      return await task();
    } finally {
      isBusy = false;
    }
  };
}
