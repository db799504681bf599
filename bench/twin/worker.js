// The twin: what our Worker does for a chat call, in JavaScript without any Wasm. Routes by host and path, checks
// the key's shape, reads the body, asks the agent's object once, calls the upstream with an allowlist of headers,
// reads the usage, and leaves a settlement.

import { isAgentId, mintAgentId, parseKey } from "./credential.js";
import { leave, take } from "./settlement.js";
import { UsageScanner } from "./usage.js";

export { AgentTwin } from "./object.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BODY_LIMIT = 10 * 1024 * 1024;
const REQUEST_HEADERS = [
  "accept",
  "accept-language",
  "user-agent",
  "traceparent",
  "tracestate",
  "idempotency-key",
];
const ROUTE = "/v1/chat/completions";

const pool = new Uint8Array(4096);
let drawn = pool.length;

/** `length` random bytes, drawn from the system in large pieces. */
function random(length) {
  if (drawn + length > pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  drawn += length;
  return pool.subarray(drawn - length, drawn);
}

function runId(now) {
  let time = "";
  for (let i = 0, rest = now; i < 10; i++) {
    time = CROCKFORD[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  let tail = "";
  for (const byte of random(16)) tail += CROCKFORD[byte & 31];
  return `run_${time}${tail}`;
}

function requestId() {
  let text = "req_";
  for (const byte of random(8)) text += (byte >> 4).toString(16) + (byte & 15).toString(16);
  return text;
}

function refuse(status, code, message) {
  const error = { message, type: "invalid_request_error", param: null, code };
  return Response.json({ error }, { status, headers: { "cache-control": "no-store" } });
}

/** Host and path of a URL as they stand in it. */
function place(url) {
  const host = url.indexOf("//") + 2;
  let path = url.indexOf("/", host);
  if (path < 0) path = url.length;
  let end = url.indexOf("?", path);
  if (end < 0) end = url.length;
  const authority = url.slice(host, path).toLowerCase();
  const colon = authority.lastIndexOf(":");
  return { host: colon > 0 ? authority.slice(0, colon) : authority, path: url.slice(path, end) };
}

/** The agent and the route that a request is for, or null. */
function endpoint({ host, path }) {
  if (host === "127.0.0.1" || host === "localhost") {
    if (!path.startsWith("/agents/")) return null;
    const end = path.indexOf("/", 8);
    return end < 0 ? null : { agent: path.slice(8, end), route: path.slice(end) };
  }
  return host.endsWith(".agent.localhost") ? { agent: host.slice(0, -16), route: path } : null;
}

async function seed(request, env) {
  const { account, url } = await request.json();
  const agent = mintAgentId();
  const message = JSON.stringify({ v: 1, seed: { agent, account, url } });
  return env.AGENT.getByName(`ep:${agent}`).fetch("https://object/", { method: "POST", body: message });
}

async function ask(env, agent, message) {
  const stub = env.AGENT.getByName(`ep:${agent}`);
  const response = await stub.fetch("https://object/", { method: "POST", body: JSON.stringify(message) });
  return JSON.parse(await response.text());
}

function upstreamHeaders(request, fixed, run, id, agent, key) {
  const headers = { "content-type": "application/json", "accept-encoding": "identity" };
  for (const name of REQUEST_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  for (const [name, value] of request.headers) {
    if (name.startsWith("x-stainless-")) headers[name] = value;
  }
  for (const line of fixed.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  headers["x-request-id"] = id;
  headers["x-moltghost-agent"] = agent;
  headers["x-moltghost-account"] = key.account;
  headers["x-moltghost-key"] = key.id;
  headers["x-moltghost-run"] = run;
  return headers;
}

function answerHeaders(response, id, run) {
  const headers = {
    "x-request-id": id,
    "x-moltghost-run-id": run,
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
  };
  for (const [name, value] of response.headers) {
    if (name.startsWith("openai-")) headers[name] = value;
  }
  return headers;
}

/** Writes the stream on as it comes, but for the usage chunk; settles at its end. */
async function pump(body, writable, scanner, settle) {
  const reader = body.getReader();
  const writer = writable.getWriter();
  try {
    // The next chunk is read while the last one is being written: never more than one waits here.
    let reading = reader.read();
    for (;;) {
      const { value, done } = await reading;
      if (done) break;
      const bytes = scanner.push(value);
      const writing = bytes.length > 0 ? writer.write(bytes) : undefined;
      reading = reader.read();
      await writing;
    }
    const rest = scanner.rest();
    if (rest.length > 0) await writer.write(rest);
    settle(scanner.usage);
    await writer.close();
  } catch (error) {
    settle(scanner.usage);
    reader.cancel(error).catch(() => {});
    writer.abort(error).catch(() => {});
  }
}

/** The trace that a call belongs to. */
function traceOf(traceparent) {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(traceparent ?? "")?.[1] ?? null;
}

export default {
  async fetch(request, env, context) {
    const begun = Date.now();
    const id = requestId();
    const response = await serve(request, env, context, id);
    const line = {
      event: "call",
      request_id: id,
      method: request.method,
      route: ROUTE,
      status: response.status,
      ms: Date.now() - begun,
      trace_id: traceOf(request.headers.get("traceparent")),
    };
    console.log(JSON.stringify(line));
    return response;
  },
};

async function serve(request, env, context, id) {
  const at = place(request.url);
  if (at.path === "/seed" && request.method === "POST") return seed(request, env);
  const found = endpoint(at);
  if (!found || !isAgentId(found.agent)) return refuse(404, "agent_not_found", "There is no such agent.");
  if (found.route !== ROUTE) return refuse(404, "unsupported_endpoint", "There is no such path.");
  if (request.method !== "POST") return refuse(405, "method_not_allowed", "Use POST.");
  const authorization = request.headers.get("authorization");
  const key = authorization?.startsWith("Bearer ") ? parseKey(authorization.slice(7)) : null;
  if (!key?.id.startsWith(found.agent))
    return refuse(401, "invalid_api_key", "That is no key of this agent.");
  if (Number(request.headers.get("content-length")) > BODY_LIMIT) {
    return refuse(413, "request_too_large", "The body is too large.");
  }
  let body = await request.text();
  let asked;
  try {
    asked = JSON.parse(body);
  } catch (error) {
    return refuse(400, "invalid_json", `The body is not JSON: ${error.message}`);
  }
  if (!Array.isArray(asked?.messages)) return refuse(400, "invalid_request", "`messages` is missing.");
  const stream = asked.stream === true;
  const cut = stream && asked.stream_options?.include_usage !== true;
  if (cut) {
    body = asked.stream_options
      ? JSON.stringify({ ...asked, stream_options: { ...asked.stream_options, include_usage: true } })
      : `${body.slice(0, body.lastIndexOf("}"))},"stream_options":{"include_usage":true}}`;
  }

  const agent = found.agent;
  const run = runId(Date.now());
  const admit = {
    run,
    key,
    body_bytes: body.length,
    reserve: (body.length >> 2) + (asked.max_tokens ?? 1024),
  };
  const answer = await ask(env, agent, { v: 1, admit, settle: take(agent) });
  if (!answer.run) return refuse(401, answer.refused, "The agent's object refused the call.");
  const settle = (usage) =>
    leave(agent, { run, usage }, context, (list) => ask(env, agent, { v: 1, settle: list }));

  const response = await fetch(`${answer.run.url}${ROUTE}`, {
    method: "POST",
    headers: upstreamHeaders(request, answer.run.headers, run, id, agent, key),
    body,
    redirect: "manual",
    signal: request.signal,
  });
  const headers = answerHeaders(response, id, run);
  if (stream && response.ok) {
    headers["content-type"] = "text/event-stream";
    headers["cache-control"] = "no-cache, no-transform";
    const { readable, writable } = new IdentityTransformStream();
    context.waitUntil(pump(response.body, writable, new UsageScanner(cut), settle));
    return new Response(readable, { headers });
  }
  const text = await response.text();
  headers["content-type"] = "application/json";
  headers["cache-control"] = "no-store";
  settle(usageOf(text));
  return new Response(text, { status: response.status, headers });
}

function usageOf(text) {
  try {
    return JSON.parse(text).usage ?? null;
  } catch {
    return null;
  }
}
