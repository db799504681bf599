// Programs and servers that a suite starts side by side, and much of one kind that is made some at a time.
//
// Invariant: where one of them cannot start, none of the others goes on: what is left running would keep the suite's
// process alive, as nobody would have it to end it.

/** What can be ended. */
interface Running {
  stop?(): Promise<unknown>;
  close?(): unknown;
}

async function end(started: unknown): Promise<void> {
  if (typeof started !== "object" || started === null) return;
  const running = started as Running;
  if (typeof running.stop === "function") await running.stop();
  else if (typeof running.close === "function") await running.close();
}

/** Waits for all that was begun; where one fails, the others are ended before that is told. */
export async function together<T extends readonly unknown[]>(
  begun: readonly [...{ [K in keyof T]: Promise<T[K]> | T[K] }],
): Promise<T> {
  const all = await Promise.allSettled(begun);
  const failed = all.find((one): one is PromiseRejectedResult => one.status === "rejected");
  if (failed) {
    await Promise.allSettled(all.map((one) => (one.status === "fulfilled" ? end(one.value) : undefined)));
    throw failed.reason;
  }
  return all.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/** Makes so many of something, `atOnce` at a time. */
export async function many<T>(count: number, atOnce: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const maker = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      made.push(await make(n));
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, maker));
  return made;
}
