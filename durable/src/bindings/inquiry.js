// A small question to a pod and its whole answer: the JavaScript half of `inquiry.rs`.

import { collect, splitHead, TOO_LARGE, toHeaders } from "./http.js";

/**
 * Asks (`head` is `METHOD URL\n`, then the headers), and answers `<status> <whole | cut>\n<body>`; `0 late\n` where nothing came in time and `0 failed\n` where
 * the pod cannot be reached or broke off. A body of more than `limit` bytes is cut, and left out.
 */
export async function inquire(head, body, timeout, limit) {
  const [method, url, headers] = splitHead(head);
  const signal = AbortSignal.timeout(timeout);
  return await told(
    fetch(url, { method, headers: toHeaders(headers), body, redirect: "manual", signal }),
    signal,
    limit,
  );
}

/** The same over a pod's tunnel, with a path in the place of the URL. */
export async function inquireOver(tunnel, head, body, timeout, limit) {
  const signal = AbortSignal.timeout(timeout);
  return await told(tunnel.fetch(head, body, signal), signal, limit);
}

async function told(answer, signal, limit) {
  try {
    const response = await answer;
    const all = response.body ? await collect(response.body.getReader(), limit) : new Uint8Array(0);
    if (all === TOO_LARGE) return `${response.status} cut\n`;
    return `${response.status} whole\n${new TextDecoder().decode(all)}`;
  } catch {
    return signal.aborted ? "0 late\n" : "0 failed\n";
  }
}
