// Programs that a suite starts.
//
// Invariant: none of them outlives the suite's process, unless that one is killed with SIGKILL; a
// program that does not end when asked is killed after a grace time.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

const GRACE_MS = 5_000;
const alive = new Set<ChildProcess>();

function endAll(): void {
  for (const child of alive) {
    child.kill("SIGKILL");
  }
}

/** Has the program ended with this process. */
export function adopt(child: ChildProcess): ChildProcess {
  if (alive.size === 0 && process.listeners("exit").every((listener) => listener !== endAll)) {
    process.on("exit", endAll);
  }
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  return child;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Sends the signal and waits for the end; after the grace time the program is killed. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (hasEnded(child)) {
    return;
  }
  const ended = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

/** Whether a process has this id; it need not be a child of ours. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
