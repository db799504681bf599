// Messages to objects, from either end, and the turns in which they are taken.

import { entryOf, sleep } from "./entry.js";
import { splitLine } from "./http.js";

/** How long a rider waits for a message that goes its way, and how often it is sent alone at most. */
const RIDE_MS = 10;
const ALONE_ATTEMPTS = 3;

/** An object by its place, which is `BINDING name`. One that is not there yet is made near `near`. */
export function objectAt(env, place, near) {
  const space = place.indexOf(" ");
  const options = near === undefined ? undefined : { locationHint: near };
  return env[place.slice(0, space)].getByName(place.slice(space + 1), options);
}

/** Riders by the place of the object that they are for, and until when somebody is sure to look after them. */
const riders = new Map();
const looked = new Map();

export function takeRiders(place) {
  const list = riders.get(place);
  if (list) riders.delete(place);
  return list;
}

export function putRiders(place, list) {
  riders.set(place, list.concat(riders.get(place) ?? []));
}

/**
 * Sends a message to an object, with the riders that wait for it (one a line), and reads its answer. The runtime
 * marks an error as retryable only where the object cannot have seen the message, or was reset; messages are
 * idempotent, so it is sent again, twice at most. An object that is not there yet is made near `near`.
 */
export async function callObject(env, place, message, near) {
  const list = takeRiders(place);
  const body = list ? `${message}\n${list.join("\n")}` : message;
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await objectAt(env, place, near).fetch("https://object/", { method: "POST", body });
      return await response.text();
    } catch (error) {
      if (attempt < 3 && error?.retryable && !error?.overloaded) {
        await sleep(20 * attempt * attempt);
      } else {
        if (list) putRiders(place, list);
        throw error;
      }
    }
  }
}

/**
 * As `callObject`. Where the answer refers to another object (a tab, its place, a tab, and a message), that one is given
 * the message, and what it answers is the answer.
 */
export async function callReferred(env, place, message) {
  const answer = await callObject(env, place, message);
  if (answer[0] !== "\t") return answer;
  const [, other, referred] = answer.split("\t");
  return callObject(env, other, referred);
}

/**
 * As `callObject`, for a caller that may leave while the object lets it wait: then the object is told at once, by
 * what is `left` of the call, a rider and below it the message that it goes with alone, and answers.
 */
export async function callObjectWhile(request, env, place, message, left) {
  const entry = entryOf(request);
  const answer = callObject(env, place, message);
  entry.onLeave(() => {
    const [rider, alone] = splitLine(left);
    putRiders(place, [rider]);
    callObject(env, place, alone).catch((error) => console.error(`a caller could not leave: ${error}`));
  });
  try {
    return await answer;
  } finally {
    entry.onLeave(undefined);
  }
}

/** Leaves a rider for the next message to an object; if none comes soon it goes alone, with its message for that. */
export function ride(ctx, env, place, left) {
  const [rider, alone] = splitLine(left);
  const list = riders.get(place);
  if (list) list.push(rider);
  else riders.set(place, [rider]);
  const now = Date.now();
  if ((looked.get(place) ?? 0) > now) return;
  // Whoever looks belongs to one request, which may end early: later riders trust it for a short time only.
  looked.set(place, now + RIDE_MS);
  ctx.waitUntil(goAlone(env, place, alone));
}

async function goAlone(env, place, alone) {
  for (let attempt = 1; attempt <= ALONE_ATTEMPTS; attempt++) {
    await sleep(RIDE_MS * attempt * attempt);
    if (attempt === 1) looked.delete(place);
    if (!riders.has(place)) return;
    try {
      await callObject(env, place, alone);
      return;
    } catch (error) {
      console.error(`a rider could not go: ${error}`);
    }
  }
}

/** Messages whose answers come later: by its number, how each is answered and since when it waits. */
const unanswered = new Map();

/** No turn lets a message wait as long: what is older was left behind by an object that was reset. */
const LONGEST_WAIT_MS = 120_000;

/** Forgets what nobody will answer; the oldest comes first. */
function forgetLeft(now) {
  for (const [number, { since }] of unanswered) {
    if (now - since < LONGEST_WAIT_MS) return;
    unanswered.delete(number);
  }
}
let messages = 0;

/**
 * An object's entry: hands the text of a request to `turn`, with a number for it, and answers with what that gives.
 * Where it gives nothing yet, the answer comes later by `answerLater`.
 */
export async function serveObject(request, turn) {
  serving++;
  try {
    const text = await request.text();
    const number = messages++ % 0x1_0000_0000;
    return new Response(turned(turn, text, number) ?? (await answered(number)));
  } finally {
    serving--;
  }
}

/** Requests to objects of this isolate that are being served. */
let serving = 0;

/** What is to be done right after the turn that runs. */
let next;

function turned(turn, text, number) {
  try {
    return turn(text, number);
  } catch (error) {
    // A trap, most likely: nobody else would see it.
    next = undefined;
    reportError(error);
    throw error;
  }
}

/** The answer of a message whose turn gave none. */
function answered(number) {
  const since = Date.now();
  forgetLeft(since);
  const answer = new Promise((resolve) => unanswered.set(number, { resolve, since }));
  const work = next;
  next = undefined;
  turned(() => work?.());
  return answer;
}

/** Answers messages that wait: `<number> <answer>` a line. Only the object that a message came to may do it. */
export function answerLater(answers) {
  for (const line of answers.split("\n")) {
    const space = line.indexOf(" ");
    const number = Number(line.slice(0, space));
    unanswered.get(number)?.resolve(line.slice(space + 1));
    unanswered.delete(number);
  }
}

/** Calls `work` in a turn of the event loop after `ms`, besides all other times that were set for it. */
export function later(work, ms) {
  setTimeout(work, ms);
}

/**
 * Calls `work` in the next turn of the event loop, for a turn that gives no answer yet; or right after that turn where
 * no other message is expected, or no other request is being served that might bring one.
 */
export function gather(work, expected) {
  if (expected && serving > 1) setTimeout(work, 0);
  else next = work;
}

/** The timer that `tick` set last for each work. */
const timers = new WeakMap();

/**
 * Calls `work` after `ms`, and again after as many as it answers, in place of what was set for it before; less than 0
 * sets nothing. An object with a timer cannot leave memory.
 */
export function tick(work, ms) {
  clearTimeout(timers.get(work));
  timers.set(work, ms < 0 ? undefined : setTimeout(() => tick(work, work()), ms));
}

export function setAlarm(storage, time) {
  return storage.setAlarm(time);
}

export function objectName(state) {
  return state.id.name ?? "";
}

export function objectStorage(state) {
  return state.storage;
}
