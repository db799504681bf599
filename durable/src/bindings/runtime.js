// What else the runtime gives: bindings, random bytes, the log, and how promises settle.

/** Where promises are told that have settled: a function of the Wasm instance that runs. */
let told = () => {};
let settling = 0;

/** From now on promises that have settled are told to `tell(number, kept, value)`. */
export function hear(tell) {
  told = tell;
}

/** Tells how a promise settles, under the number that this answers, which no other gets. */
export function settle(promise) {
  const number = ++settling;
  promise.then(
    (value) => tell(number, true, value),
    (error) => tell(number, false, error),
  );
  return number;
}

/** An instance that traps is found out by the entries (`entry.js`), which hear of errors that nobody catches. */
function tell(number, kept, value) {
  try {
    told(number, kept, value);
  } catch (error) {
    reportError(error);
  }
}

export function binding(env, name) {
  return env[name];
}

/** A text variable or secret. */
export function variable(env, name) {
  const value = env[name];
  return typeof value === "string" ? value : undefined;
}

export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Counts one more of `key` by a rate-limit binding; false where there are more than it allows. */
export async function withinLimit(env, name, key) {
  return (await env[name].limit({ key })).success;
}

/** The body of one of the console's files, as a stream; null where there is no such file, or there are none. */
export async function asset(env, path) {
  if (!env.ASSETS) return null;
  const answer = await env.ASSETS.fetch(`https://assets.invalid${path}`);
  if (answer.status === 200) return answer.body;
  await answer.body?.cancel();
  return null;
}

/** Writes one line of the structured log. */
export function log(line) {
  console.log(line);
}
