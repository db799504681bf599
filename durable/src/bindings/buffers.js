// Memory of bytes that have gone on. To V8 a buffer is a small object, whatever it holds outside the heap, so it lets
// tens of megabytes of them pile up before it collects any: whoever is the last to need one gives its memory back.

/** Smaller ones are left to V8. */
const WORTH = 4 * 1024;

/**
 * Gives the memory of a buffer back, which is empty from then on. The runtime holds on to what it was told to send, or
 * has not written yet, by itself.
 */
export function free(buffer) {
  if (buffer.byteLength >= WORTH) buffer.transfer(0);
}
