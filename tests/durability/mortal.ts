// A deployment that dies by kill -9 and comes back.
//
// Invariant: each life begins on the same folder and the same port.

import { discard, type RunningWorker, scratch, startWorker } from "../harness/index.ts";

/** One deployment that is killed and started again on the same port, so that addresses stay. */
export class Mortal {
  readonly persist = scratch("mortal");
  worker!: RunningWorker;
  #port: number | undefined;

  async start(): Promise<RunningWorker> {
    const port = this.#port === undefined ? {} : { port: this.#port };
    this.worker = await startWorker({ persist: this.persist, ...port });
    this.#port = this.worker.port;
    return this.worker;
  }

  async stop(): Promise<void> {
    await this.worker?.stop();
    discard(this.persist);
  }
}
