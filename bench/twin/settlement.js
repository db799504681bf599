// Settlements that wait in this isolate: they ride on the next admission of the same agent, or go alone.

const ALONE_AFTER = 10;
/** A sender that has not come back by then is gone, with whatever request it belonged to. */
const SENDER_LOST_AFTER = 1_000;

/** agent → { list, sender: when the last sender was sent off, or 0 } */
const waiting = new Map();

/** Takes what waits for `agent`. */
export function take(agent) {
  const entry = waiting.get(agent);
  if (!entry || entry.list.length === 0) return undefined;
  const list = entry.list;
  entry.list = [];
  return list;
}

/** Leaves one settlement; `send` is called with a list if no admission takes it first. */
export function leave(agent, settlement, context, send) {
  let entry = waiting.get(agent);
  if (!entry) {
    entry = { list: [], sender: 0 };
    waiting.set(agent, entry);
  }
  entry.list.push(settlement);
  const now = Date.now();
  if (entry.sender > now - SENDER_LOST_AFTER) return;
  entry.sender = now;
  context.waitUntil(
    scheduler.wait(ALONE_AFTER).then(() => {
      entry.sender = 0;
      const list = take(agent);
      return list && send(list);
    }),
  );
}
