// How many tests passed and failed, read from what each kind of runner prints last.

export interface Counts {
  passed: number;
  failed: number;
}

/** For parts that have no tests of their own. */
export const NO_TESTS = (): Counts => ({ passed: 0, failed: 0 });

function sum(output: string, pattern: RegExp): number {
  let total = 0;
  for (const match of output.matchAll(pattern)) {
    total += Number(match[1]);
  }
  return total;
}

/** `test result: ok. 12 passed; 0 failed; …`, once for each binary. */
export function cargoCounts(output: string): Counts {
  return {
    passed: sum(output, /^test result: .*? (\d+) passed;/gm),
    failed: sum(output, /^test result: .*? (\d+) failed;/gm),
  };
}

/** The spec reporter's `ℹ pass 12`; what was cancelled has failed. */
export function nodeCounts(output: string): Counts {
  return {
    passed: sum(output, /^ℹ pass (\d+)$/gm),
    failed: sum(output, /^ℹ fail (\d+)$/gm) + sum(output, /^ℹ cancelled (\d+)$/gm),
  };
}

/** One for each target that ran to its end. */
export function fuzzCounts(output: string): Counts {
  return {
    passed: [...output.matchAll(/^· Fuzzing .*: done in/gm)].length,
    failed: [...output.matchAll(/^✗ Fuzzing .*: failed/gm)].length,
  };
}
