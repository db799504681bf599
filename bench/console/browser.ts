// What is asked of a page that is measured: when something was painted, how late what was said is seen, and what became
// of each turn of the wheel.

import type { Page } from "playwright-core";

/** Notes when the first room of the list was painted, in milliseconds since the page was asked for. */
export const WATCH_LIST = `
  new MutationObserver((_, observer) => {
    if (document.querySelector("#navigation .lists a.item")) {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => { window.listPainted = performance.now(); }));
    }
  }).observe(document, { childList: true, subtree: true });
`;

/** Notes how long after it was sent each message that holds its time was painted. */
export const WATCH_SAID = `
  window.delays = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      for (const [, said] of node.textContent.matchAll(/said (\\d+)/g)) {
        requestAnimationFrame(() => setTimeout(() => window.delays.push(Date.now() - Number(said))));
      }
    }
  }).observe(document.body, { childList: true, subtree: true });
`;

/** Notes of each turn of the wheel how long it took to be painted, and how far apart frames were. */
const WATCH_WHEEL = `
  window.wheel = { delays: [], frames: [], last: performance.now(), on: true };
  if (!window.watchesWheel) {
    window.watchesWheel = true;
    addEventListener("wheel", ({ timeStamp }) => {
      requestAnimationFrame(() => setTimeout(() => window.wheel.delays.push(performance.now() - timeStamp)));
    }, { passive: true, capture: true });
  }
  (function frame(now) {
    window.wheel.frames.push(now - window.wheel.last);
    window.wheel.last = now;
    if (window.wheel.on) requestAnimationFrame(frame);
  })(performance.now());
`;

export interface Wheeled {
  sent: number;
  /** Of each that came: until its frame was painted, in milliseconds. */
  delays: number[];
  /** Between frames, in milliseconds. */
  frames: number[];
}

/** Turns the wheel by `by` pixels again and again until something is there. */
export async function wheel(page: Page, by: number, reached: () => Promise<boolean>): Promise<Wheeled> {
  await page.evaluate(WATCH_WHEEL);
  let sent = 0;
  do {
    for (let some = 0; some < 10; some += 1) {
      await page.mouse.wheel(0, by);
      sent += 1;
    }
  } while (!(await reached()));
  // The last frame is painted before its turn is noted.
  const noted = `new Promise((done) => {
    const look = () => window.wheel.delays.length >= ${String(sent)} ? done() : setTimeout(look, 20);
    setTimeout(done, 3000);
    look();
  })`;
  await page.evaluate(noted);
  const found = await page.evaluate<{ delays: number[]; frames: number[] }>(
    "(window.wheel.on = false, { delays: window.wheel.delays, frames: window.wheel.frames })",
  );
  return { sent, ...found };
}
