// What a suite of the console begins and ends with: the stage, and the browser that looks at it.

import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { startBrowser } from "./browser.ts";
import { type Stage, setStage } from "./stage.ts";

/** Sets the stage before the suite's tests, gives it to `begin`, and takes it down after them. */
export function onStage(begin: (stage: Stage, browser: Browser) => Promise<void> | void): void {
  let stage: Stage | undefined;
  let browser: Browser | undefined;
  before(async () => {
    [stage, browser] = await Promise.all([setStage(), startBrowser()]);
    await begin(stage, browser);
  });
  after(async () => {
    await browser?.close();
    await stage?.stop();
  });
}
