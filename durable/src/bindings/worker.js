// The Worker's own entry, called from inside it: the JavaScript half of `worker.rs`.

/** Sends a message to the Worker that an object belongs to, with one header, and reads its answer. */
export async function askWorker(state, url, name, value, body, timeout) {
  const init = { method: "POST", headers: { [name]: value }, body, signal: AbortSignal.timeout(timeout) };
  const response = await state.exports.default.fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`the Worker answered ${response.status}`);
  return text;
}
