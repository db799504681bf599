// Draws every screen into docs/console/: light and dark at a desk, and on a phone. Run by `scripts/console-screens`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../harness/index.ts";
import { DESK, openPage, PHONE, startBrowser } from "./browser.ts";
import { fill, SCREENS, show } from "./screens.ts";
import { setStage } from "./stage.ts";

const FORMS = [
  { name: "light", theme: "light", size: DESK },
  { name: "dark", theme: "dark", size: DESK },
  { name: "phone", theme: "light", size: PHONE },
] as const;

const folder = process.argv[2] ?? join(ROOT, "docs/console");
const only = process.argv[3]?.split(",");
mkdirSync(folder, { recursive: true });
const [stage, browser] = await Promise.all([setStage(), startBrowser()]);
try {
  await fill(stage);
  for (const screen of SCREENS.filter(({ name }) => only?.includes(name) ?? true)) {
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
