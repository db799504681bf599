// What the machine says about a slice, where it says anything (Linux): time that a process used, and time that the
// host took away from us. On other systems the figures are missing, and nothing else changes.

import { readdirSync, readFileSync } from "node:fs";

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Nanoseconds of CPU time that a process and its threads have used. */
export function cpuTime(pid: number | undefined): number | undefined {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return undefined;
  }
  let sum = 0;
  for (const thread of threads) {
    sum += Number(read(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0] ?? 0);
  }
  return sum;
}

/** Ticks of all CPUs so far: those the host kept from us, and all of them. */
function ticks(): { stolen: number; all: number } | undefined {
  const numbers = read("/proc/stat")?.split("\n")[0]?.trim().split(/\s+/).slice(1).map(Number);
  if (numbers === undefined) {
    return undefined;
  }
  // user, nice, system, idle, iowait, irq, softirq, steal
  return { stolen: numbers[7] ?? 0, all: numbers.slice(0, 8).reduce((sum, value) => sum + value, 0) };
}

/** Begins to watch for stolen time; the returned function tells its share since then, 0 to 1. */
export function watchSteal(): () => number | undefined {
  const before = ticks();
  return () => {
    const after = ticks();
    if (before === undefined || after === undefined || after.all === before.all) {
      return undefined;
    }
    return (after.stolen - before.stolen) / (after.all - before.all);
  };
}
