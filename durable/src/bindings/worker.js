// The Worker's own entry, called from inside it: the JavaScript half of `worker.rs`.

/**
 * Sends a message to the Worker that an object belongs to, with one header, and reads its answer. No timer outlives it:
 * an object with one cannot leave memory.
 */
export async function askWorker(state, url, name, value, body, timeout) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    const init = { method: "POST", headers: { [name]: value }, body, signal: late.signal };
    const response = await state.exports.default.fetch(url, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`the Worker answered ${response.status}`);
    return text;
  } finally {
    clearTimeout(timer);
  }
}
