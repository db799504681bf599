// The results as people read them.

import type { Verdict } from "./bars.ts";
import { compare, type Result } from "./figures.ts";
import { PROGRAMS } from "./programs/list.ts";
import type { Outcome } from "./rounds.ts";
import { FIGURE_TITLES, type Figure, type Test } from "./tests.ts";

function number(value: number | undefined): string {
  if (value === undefined) {
    return "–";
  }
  return value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toFixed(2);
}

function ratio(one: Result, other: Result | undefined, figure: Figure): string {
  const value = other && compare(one, other, figure, (left, right) => left / right);
  return value === undefined ? "–" : value.toFixed(2);
}

/** Rows of cells as lines; the first column to the left, all others to the right. */
function align(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

function notes(result: Result): string {
  const parts = Object.entries(result.errors).map(([text, count]) => `${count} × ${text}`);
  if (result.unserved > 0) {
    parts.push(`${result.unserved} unserved`);
  }
  return parts.length > 0 ? `  ${parts.join(", ")}` : "";
}

/** One test: a line for each program, with its first figure against the twin's and the floor's. */
export function testTable(test: Test, outcome: Outcome): string {
  const results = outcome.results.get(test.name) ?? new Map<string, Result>();
  const first = test.shows[0] ?? "p50";
  const header = [
    `${test.name}: ${test.title} (rounds: ${outcome.valid.get(test.name) ?? 0})`,
    ...test.shows.map((figure) => FIGURE_TITLES[figure]),
    `${FIGURE_TITLES[first].split(" ")[0]}/twin`,
    "/floor",
  ];
  const rows = [header];
  const remarks = [""];
  for (const name of Object.keys(PROGRAMS)) {
    const result = results.get(name);
    if (result !== undefined) {
      rows.push([
        `  ${PROGRAMS[name]?.title ?? name}`,
        ...test.shows.map((figure) => number(result.figures[figure])),
        ratio(result, results.get("twin"), first),
        ratio(result, results.get("floor"), first),
      ]);
      remarks.push(notes(result));
    }
  }
  return align(rows)
    .split("\n")
    .map((line, row) => line + (remarks[row] ?? ""))
    .join("\n");
}

export function verdictTable(verdicts: Verdict[]): string {
  const word = (passed: boolean | undefined) => (passed === undefined ? "?" : passed ? "pass" : "FAIL");
  return verdicts
    .map(({ bar, measured, passed }) => `${word(passed).padEnd(5)} ${bar.padEnd(44)} ${measured}`)
    .join("\n");
}
