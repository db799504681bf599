// Draws every screen into docs/console/: light and dark at a desk, and on a phone. Run by `scripts/console-screens`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../harness/index.ts";
import { DESK, openPage, PHONE, startBrowser } from "./browser.ts";
import { fill, fillEndpoints, SCREENS, show } from "./screens.ts";
import { type Stage, setStage } from "./stage.ts";
import { TASKS, walk } from "./tasks.ts";

const FORMS = [
  { name: "light", theme: "light", size: DESK },
  { name: "dark", theme: "dark", size: DESK },
  { name: "phone", theme: "light", size: PHONE },
] as const;

const tasks = process.argv[2] === "--tasks";
const [target, names] = process.argv.slice(tasks ? 3 : 2);
const folder = target ?? join(ROOT, "docs/console");
const only = names?.split(",");

/** Each task as somebody sees it who knows nothing else: the page before each click, one after the other. */
async function drawTasks(stage: Stage): Promise<void> {
  for (const task of TASKS.filter(({ name }) => only?.includes(name) ?? true)) {
    const { page, context } = await openPage(browser);
    await walk(stage, page, task, (step) =>
      page.screenshot({ path: join(folder, `${task.name}-${String(step)}.png`), animations: "disabled" }),
    );
    await context.close();
  }
}

mkdirSync(folder, { recursive: true });
const [stage, browser] = await Promise.all([setStage(), startBrowser()]);
try {
  await fill(stage);
  await fillEndpoints(stage);
  if (tasks) {
    await drawTasks(stage);
  }
  for (const screen of SCREENS.filter(({ name }) => !tasks && (only?.includes(name) ?? true))) {
    for (const { name, theme, size } of FORMS) {
      const { page, context } = await openPage(browser, { theme, size });
      await show(stage, page, screen);
      await page.screenshot({ path: join(folder, `${screen.name}-${name}.png`), animations: "disabled" });
      await context.close();
    }
  }
} finally {
  await browser.close();
  await stage.stop();
}
