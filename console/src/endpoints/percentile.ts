// Percentiles from a histogram, as near as its bounds let them be.

import type { Durations } from "../api/control.ts";

/** The value below which `part` (0 to 1) of what was counted lies; `null` of nothing. */
export function percentile(
  { count, counts }: Durations,
  bounds: readonly number[],
  part: number,
): number | null {
  if (count === 0) {
    return null;
  }
  let rest = part * count;
  for (const [index, here] of counts.entries()) {
    const low = bounds[index - 1] ?? 0;
    const high = bounds[index];
    if (rest <= here && here > 0) {
      // Beyond the last bound nothing is known but that.
      return high === undefined ? low : low + ((high - low) * rest) / here;
    }
    rest -= here;
  }
  return bounds.at(-1) ?? null;
}

/** Several histograms as one. */
export function sum(all: readonly Durations[]): Durations {
  const total: Durations = { count: 0, sum: 0, counts: [] };
  for (const one of all) {
    total.count += one.count;
    total.sum += one.sum;
    one.counts.forEach((count, index) => {
      total.counts[index] = (total.counts[index] ?? 0) + count;
    });
  }
  return total;
}
