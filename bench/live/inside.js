// Our Worker, and beside it a client in the same process that attaches agents through the Worker's binding to itself:
// such sockets are as real to the hub as any, and need no file.
//
// GET /bench/inside?count=N attaches so many and answers with lines of JSON,
// {"ready":…,"open":…,"messages":…}: one when all are ready, then one each second until the caller leaves.

import worker from "./index.js";

export * from "./index.js";

const OPENING = 50;
const EACH_MS = 1_000;

/** One attachment; resolves when it is ready. */
async function attach(env, origin, agent, held) {
  const answer = await env.SELF.fetch(`${origin}/v1/attach`, { headers: { upgrade: "websocket" } });
  const socket = answer.webSocket;
  if (!socket) {
    throw new Error(`attaching was answered with ${answer.status}`);
  }
  socket.accept();
  const send = (value) => socket.send(JSON.stringify(value));
  await new Promise((resolve, reject) => {
    socket.addEventListener("close", () => {
      held.open -= 1;
      reject(new Error("an attachment was closed before it was ready"));
    });
    held.open += 1;
    socket.addEventListener("message", ({ data }) => {
      const { op, event } = JSON.parse(data);
      if (op === "HELLO") {
        send({
          op: "IDENTIFY",
          version: "moltnet.attach.v1",
          network_id: "local",
          agent: { type: "agent", id: agent },
          capabilities: {},
          cursor: "",
        });
      } else if (op === "PING") {
        send({ op: "PONG" });
      } else if (op === "READY") {
        held.ready += 1;
        resolve();
      } else if (op === "EVENT" && event.type === "message.created") {
        held.messages += 1;
      }
    });
  });
}

async function hold(env, url, writer) {
  const held = { ready: 0, open: 0, messages: 0 };
  const count = Number(url.searchParams.get("count"));
  let next = 0;
  const maker = async () => {
    while (next < count) {
      next += 1;
      await attach(env, url.origin, `inside-${next}`, held);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, maker));
  const encoder = new TextEncoder();
  for (;;) {
    await writer.write(encoder.encode(`${JSON.stringify(held)}\n`));
    await new Promise((resolve) => setTimeout(resolve, EACH_MS));
  }
}

export default {
  fetch(request, env, context) {
    const url = new URL(request.url);
    if (url.pathname !== "/bench/inside") {
      return worker.fetch(request, env, context);
    }
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    context.waitUntil(hold(env, url, writer).catch((error) => writer.abort(error)));
    return new Response(readable);
  },
};
