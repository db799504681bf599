// Messages of many requests to one object, as one request. A request to an object costs far more than a message, and
// where many callers post to one network all of them ask the same object.
//
// A lone message goes at once. Those that come while it is under way wait for its answer, a moment at most, and then
// go together, a line each, in the name of the first. Should that one die on the way, each goes alone in the end:
// messages are idempotent.

import { callObject } from "./glue.js";

/** How long a message waits for the one before it, which may have a long way to go. */
const GATHER_MS = 2;

/** Most messages that go together, and how long they are together. */
const MOST = 100;
const LONGEST = 1_000_000;

/** After how long a message goes alone that another request took along. */
const ALONE_MS = 5_000;

/** By object: how many requests are under way, and the messages that wait to go. */
const lanes = new Map();

/** As `callObject`. */
export async function callTogether(env, binding, name, message) {
  let lane = lanes.get(name);
  if (!lane) {
    lane = { underWay: 0, waiting: [] };
    lanes.set(name, lane);
  }
  const call = (text) => callObject(env, binding, name, text);
  if (lane.underWay === 0 && lane.waiting.length === 0) {
    const [answer] = await send(lane, name, [message], call);
    return answer;
  }
  const own = { message };
  const answered = new Promise((resolve, reject) => {
    own.resolve = resolve;
    own.reject = reject;
  });
  lane.waiting.push(own);
  new Promise((resolve) => {
    own.go = resolve;
    own.timer = setTimeout(resolve, GATHER_MS);
  }).then(() => {
    clearTimeout(own.timer);
    if (lane.waiting.includes(own)) lead(lane, name, call);
    else own.timer = setTimeout(() => call(message).then(own.resolve, own.reject), ALONE_MS);
  });
  return answered.finally(() => clearTimeout(own.timer));
}

/** Sends the messages that go next, for whoever waits for their answers. */
async function lead(lane, name, call) {
  let length = 0;
  let count = 0;
  for (const { message } of lane.waiting) {
    length += message.length;
    if (count === MOST || (count > 0 && length > LONGEST)) break;
    count++;
  }
  const batch = lane.waiting.splice(0, count);
  const messages = batch.map((one) => one.message);
  try {
    const answers = await send(lane, name, messages, call);
    for (const [at, one] of batch.entries()) one.resolve(answers[at]);
  } catch (error) {
    for (const one of batch) one.reject(error);
  }
}

/** Sends messages and answers their answers; then it is the turn of those that came meanwhile. */
async function send(lane, name, messages, call) {
  lane.underWay++;
  try {
    if (messages.length === 1) return [await call(messages[0])];
    const answers = (await call(`\n${messages.join("\n")}`)).split("\n");
    // An object of the version before knows messages of one line only, and refuses.
    return answers.length === messages.length ? answers : await Promise.all(messages.map(call));
  } finally {
    lane.underWay--;
    if (lane.waiting.length > 0) lane.waiting[0].go();
    else if (lane.underWay === 0) lanes.delete(name);
  }
}
