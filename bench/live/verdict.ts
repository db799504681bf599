// Figures against their bars.

let count = 0;

/** How many bars were missed. */
export function missed(): number {
  return count;
}

/** Says a figure. */
export function tell(what: string, figure: string): void {
  process.stdout.write(`  ${what.padEnd(46)} ${figure}\n`);
}

/** Says a figure, and whether its bar holds. */
export function judge(what: string, figure: string, bar: string, holds: boolean): void {
  count += holds ? 0 : 1;
  tell(what, `${figure} (bar: ${bar}) ${holds ? "holds" : "MISSED"}`);
}
