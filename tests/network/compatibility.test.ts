// The differences that the suite allows are those that docs/moltnet-compatibility.md lists, and each is tested.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../harness/index.ts";
import { DIFFERENCES } from "./differences.ts";

describe("differences from the original", () => {
  const folder = join(ROOT, "tests");
  const known = [...DIFFERENCES].sort();

  it("are those of the document, each with what both do and why", () => {
    const document = readFileSync(join(ROOT, "docs", "moltnet-compatibility.md"), "utf8");
    const rows = document.split("\n").flatMap((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const id = /^`([a-z0-9-]+)`$/.exec(cells[1] ?? "")?.[1];
      return id === undefined ? [] : [{ id, cells: cells.slice(1, -1) }];
    });
    assert.deepEqual(rows.map(({ id }) => id).sort(), known);
    for (const { id, cells } of rows) {
      assert.equal(cells.length, 4, id);
      assert.ok(
        cells.every((cell) => cell !== ""),
        id,
      );
    }
  });

  it("are each expected by a test", () => {
    const suites = ["network/**/*.ts", "live/**/*.ts"];
    const files = globSync(suites, { cwd: folder, exclude: ["network/differences.ts"] });
    const sources = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
    const named = new Set([...sources.matchAll(/\bdiffers(?:<\w+>)?\(\s*"([a-z0-9-]+)"/g)].map((m) => m[1]));
    assert.deepEqual([...named].sort(), known);
  });
});
