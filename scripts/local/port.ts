// The port on which the Worker is to listen.

import { createServer } from "node:net";
import { StepError } from "./step.ts";

const USUAL = 8787;

/** `PORT` of the environment, or the usual one. */
export function chosenPort(): number {
  const given = process.env.PORT;
  if (given === undefined || given === "") {
    return USUAL;
  }
  const port = Number(given);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StepError(`PORT=${given} is not a port`, "Choose a number from 1 to 65535: make run PORT=8790");
  }
  return port;
}

/** Refuses a port that another program has. */
export function assertFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "EADDRINUSE" ? "is taken by another program" : `cannot be used (${error.code})`;
      const other = port === USUAL ? 8790 : USUAL;
      reject(
        new StepError(
          `port ${port} ${why}`,
          `Stop that program, or choose another port: make run PORT=${other}`,
        ),
      );
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}
