// Every screen, in both themes and on a phone: it comes up without a complaint, fits, and axe finds nothing in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { DESK, openPage, PHONE } from "./browser.ts";
import { onStage } from "./curtain.ts";
import { fill, fillEndpoints, SCREENS, show } from "./screens.ts";
import type { Stage } from "./stage.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

let stage: Stage;
let browser: Browser;

onStage(async (...set) => {
  [stage, browser] = set;
  await fill(stage);
  await fillEndpoints(stage);
});

const FORMS = [
  { name: "light", theme: "light", size: DESK },
  { name: "dark", theme: "dark", size: DESK },
  { name: "on a phone", theme: "light", size: PHONE },
] as const;

for (const screen of SCREENS) {
  describe(`the screen ${screen.name}`, () => {
    for (const { name, theme, size } of FORMS) {
      it(`is accessible and fits, ${name}`, async () => {
        const { page, context, errors } = await openPage(browser, { theme, size });
        await show(stage, page, screen);
        assert.ok(
          await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"),
          "too wide",
        );
        // In a world of its own: the page's policy lets no other script in.
        const session = await context.newCDPSession(page);
        const { frameTree } = await session.send("Page.getFrameTree");
        const world = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
        const run = async (expression: string) =>
          await session.send("Runtime.evaluate", {
            expression,
            contextId: world.executionContextId,
            awaitPromise: true,
            returnByValue: true,
          });
        await run(AXE);
        const found = await run(
          "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
        );
        const violations = found.result.value as Violation[];
        assert.ok(Array.isArray(violations), JSON.stringify(found.exceptionDetails));
        const told = violations.map(({ id, help, nodes }) => ({
          id,
          help,
          where: nodes
            .slice(0, 3)
            .map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`),
        }));
        assert.deepEqual(told, []);
        assert.deepEqual(errors, []);
        await context.close();
      });
    }
  });
}
