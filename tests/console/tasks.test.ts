// What people come for can be done by the clicks that are written down, on a desk and on a phone's narrow page alike
// where a hover is not needed.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { openPage } from "./browser.ts";
import { onStage } from "./curtain.ts";
import { fill, fillEndpoints } from "./screens.ts";
import type { Stage } from "./stage.ts";
import { TASKS, walk } from "./tasks.ts";

let stage: Stage;
let browser: Browser;

onStage(async (...set) => {
  [stage, browser] = set;
  await fill(stage);
  await fillEndpoints(stage);
});

describe("twelve tasks", () => {
  for (const task of TASKS) {
    it(task.wants, async () => {
      const { page, context, errors } = await openPage(browser);
      await walk(stage, page, task);
      assert.deepEqual(errors, []);
      await context.close();
    });
  }
});
