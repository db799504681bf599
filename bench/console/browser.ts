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

/**
 * Notes what input came, how long it took to be painted, how far apart frames were, and by how much the messages moved:
 * from frame to frame, by one of them that both have. Frames that have none in common are `blind`, and `empty` those in
 * which no message is drawn where the reader looks.
 */
const WATCH_MOVES = `
  window.moves ??= (() => {
    const box = document.querySelector(".scroll");
    const all = { delays: [], frames: [], on: true };
    let now = {};
    let seen, top, near = 0, last = performance.now();
    const middle = () => {
      const { left, top, width, height } = box.getBoundingClientRect();
      for (const part of [0.5, 0.35, 0.65, 0.2, 0.8]) {
        const found = document.elementFromPoint(left + width / 2, top + height * part)?.closest("[data-message]");
        if (found) return found;
      }
      now.empty += 1;
      return document.elementFromPoint(left + width / 2, top + height / 2)?.closest(".block");
    };
    const look = () => {
      if (seen?.isConnected) now.moved += top - seen.getBoundingClientRect().top;
      else now.blind += 1;
      seen = middle();
      top = seen?.getBoundingClientRect().top;
      now.edge ||= Math.min(box.scrollTop, box.scrollHeight - box.scrollTop - box.clientHeight) < near;
    };
    const begin = (turn) => {
      near = turn;
      now = { came: 0, moved: 0, blind: 0, empty: 0, edge: false, still: 0, at: box.scrollTop };
      look();
      now.moved = now.blind = 0;
    };
    const came = ({ timeStamp }) => {
      now.came += 1;
      requestAnimationFrame(() => setTimeout(() => all.delays.push(performance.now() - timeStamp)));
    };
    box.addEventListener("wheel", came, { passive: true, capture: true });
    box.addEventListener("keydown", came, { capture: true });
    const frame = (time) => {
      all.frames.push(time - last);
      last = time;
      look();
      now.still = box.scrollTop === now.at ? now.still + 1 : 0;
      now.at = box.scrollTop;
      requestAnimationFrame(frame);
    };
    begin(0);
    requestAnimationFrame(frame);
    const rest = (sent) => new Promise((done) => {
      const end = performance.now() + 5000;
      const wait = () => {
        if ((now.came >= sent && now.still > 5) || performance.now() > end) done({ ...now });
        else setTimeout(wait, 20);
      };
      wait();
    });
    return { all, begin, rest };
  })();
`;

/** What became of some input. */
export interface Moved {
  sent: number;
  /** How much of it the page got. */
  came: number;
  /** Pixels that the messages were asked to move, and did, where nothing but the wheel decides it. */
  asked: number;
  moved: number;
  /** Frames that showed no message where the reader looks. */
  empty: number;
  /** Of each that came: until its frame was painted, in milliseconds. */
  delays: number[];
  /** Between frames, in milliseconds. */
  frames: number[];
}

interface Batch {
  came: number;
  moved: number;
  blind: number;
  empty: number;
  edge: boolean;
}

const BATCH = 20;

async function batch(page: Page, sent: number, turn: number, act: () => Promise<unknown>): Promise<Batch> {
  await page.evaluate(`window.moves.begin(${String(turn)})`);
  for (let one = 0; one < sent; one += 1) {
    await act();
  }
  return await page.evaluate<Batch>(`window.moves.rest(${String(sent)})`);
}

async function heard(page: Page): Promise<Pick<Moved, "delays" | "frames">> {
  return await page.evaluate<Pick<Moved, "delays" | "frames">>(
    "(({ delays, frames }) => ({ delays: delays.splice(0), frames: frames.splice(0) }))(window.moves.all)",
  );
}

/** Turns the wheel by `by` pixels again and again until something is there. */
export async function wheel(page: Page, by: number, reached: () => Promise<boolean>): Promise<Moved> {
  await page.evaluate(WATCH_MOVES);
  await heard(page);
  const all = { sent: 0, came: 0, asked: 0, moved: 0, empty: 0 };
  do {
    const { came, moved, blind, empty, edge } = await batch(page, BATCH, Math.abs(by), () =>
      page.mouse.wheel(0, by),
    );
    all.sent += BATCH;
    all.came += came;
    all.empty += empty;
    // A turn from an edge, where more is being read, there is nowhere to move to.
    if (!edge && blind === 0) {
      all.asked += BATCH * by;
      all.moved += moved;
    }
  } while (!(await reached()));
  return { ...all, ...(await heard(page)) };
}

/** Presses a key again and again, each time once the page stands still; how often it moved by no more than half a view. */
export async function press(
  page: Page,
  key: string,
  times: number,
): Promise<{ came: number; short: number }> {
  await page.evaluate(WATCH_MOVES);
  const half = await page.locator(".scroll").evaluate((box) => box.clientHeight / 2);
  let came = 0;
  let short = 0;
  for (let one = 0; one < times; one += 1) {
    const found = await batch(page, 1, 0, () => page.keyboard.press(key));
    came += found.came;
    short += Math.abs(found.moved) > half ? 0 : 1;
  }
  return { came, short };
}
