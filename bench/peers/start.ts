// Starting a peer: a child process that answers on a port sooner or later.

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { adopt, end, hasEnded } from "../../tests/harness/child.ts";
import { until } from "../../tests/harness/until.ts";
import { Unavailable } from "../programs/program.ts";
import { logEnd } from "../step.ts";

const START_MS = 90_000;

export interface PeerCommand {
  program: string;
  args: string[];
  env?: Record<string, string>;
  /** Where it runs and where its log goes. */
  folder: string;
  /** An address that answers, with whatever status, once it is up. */
  probe: string;
}

/** Starts a peer and waits for its first answer. */
export async function startPeer(
  name: string,
  command: PeerCommand,
): Promise<{ child: ChildProcess; log: string }> {
  const log = join(command.folder, `${name}.log`);
  const child = adopt(
    spawn(command.program, command.args, {
      cwd: command.folder,
      env: { ...process.env, ...command.env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
  const file = createWriteStream(log);
  child.stdout?.pipe(file, { end: false });
  child.stderr?.pipe(file, { end: false });
  let problem: string | undefined;
  child.once("error", (error) => {
    problem = error.message;
  });
  try {
    await until(
      `${name} to answer`,
      async () => {
        if (problem !== undefined || hasEnded(child)) {
          return true;
        }
        const response = await fetch(command.probe);
        await response.arrayBuffer();
        return true;
      },
      START_MS,
    );
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem === undefined && !hasEnded(child)) {
    return { child, log };
  }
  await end(child, "SIGKILL");
  throw new Unavailable(`${name} did not start: ${problem ?? "it ended"}${logEnd(log)}`);
}
