// The JavaScript half of a stream on the real runtime, with rules that fail: whatever becomes of the Wasm, the caller
// gets an end in order and the pod is told to stop.

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startWorkerd } from "../../bench/workerd.ts";
import { end } from "../harness/child.ts";
import { ROOT } from "../harness/paths.ts";
import { scratch } from "../harness/scratch.ts";
import { until } from "../harness/until.ts";

/** Passes a stream on by rules that throw at `trap`, are gone then, and tell how often they were asked. */
const WORKER = `
import { Exchange } from "./exchange.js";
const AS_IT_IS = 1;
const BETWEEN_EVENTS = 2;
export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const exchange = new Exchange(request, 60_000, 10_000);
    exchange.send("GET " + env.POD + pathname + "\\n", undefined);
    await exchange.next();
    const response = exchange.open(200, "content-type: text/event-stream\\n");
    let asked = 0;
    let middle = false;
    const step = (bytes) => {
      asked++;
      const text = new TextDecoder().decode(bytes);
      if (text.includes("trap")) throw new WebAssembly.RuntimeError("unreachable");
      middle = !text.endsWith("\\n\\n");
      return middle ? AS_IT_IS : AS_IT_IS | BETWEEN_EVENTS;
    };
    const flowed = exchange.flow(step, "data: the last resort\\n\\n").then(
      () => {
        exchange.body.write(new TextEncoder().encode("asked: " + asked + "\\n\\n"));
        exchange.finish(true);
      },
      () => {},
    );
    context.waitUntil(flowed);
    return response;
  },
};
`;

const CHUNKS = 2_000;
const PIECE = "data: 0123456789\n\n";
const PAIRS = 20;

let pod: Server;
let worker: Awaited<ReturnType<typeof startWorkerd>>;
/** Answers of the pod that were cut. */
const cut: string[] = [];

async function answer(path: string, response: ServerResponse): Promise<void> {
  response.on("close", () => {
    if (!response.writableFinished) {
      cut.push(path);
    }
  });
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (path === "/whole") {
    for (let chunk = 0; chunk < CHUNKS; chunk += 1) {
      response.write(PIECE);
    }
    response.end();
    return;
  }
  if (path === "/pairs") {
    for (let pair = 1; pair <= PAIRS; pair += 1) {
      response.write(PIECE);
      response.write(PIECE);
      await once(pod, `${2 * pair} pieces`);
    }
    response.end();
    return;
  }
  response.write(path === "/inside" ? "data: one\n\ndata: half" : "data: one\n\n");
  // Another chunk: the first is through when the caller has it.
  await once(pod, `seen${path}`);
  response.write("trap");
}

/** The call of a pod, and what it is made of. */
const GLUE = ["exchange.js", "flow.js", "buffers.js", "entry.js", "http.js", "object.js"];

before(async () => {
  pod = createServer((request, response) => void answer(request.url ?? "", response));
  pod.listen(0, "127.0.0.1");
  await once(pod, "listening");
  const folder = scratch("exchange");
  const source = join(folder, "source");
  mkdirSync(source);
  for (const file of GLUE) {
    copyFileSync(join(ROOT, "durable", "src", "bindings", file), join(source, file));
  }
  writeFileSync(join(source, "worker.js"), WORKER);
  worker = await startWorkerd({
    folder,
    source,
    modules: ["worker.js", ...GLUE],
    texts: { POD: `http://127.0.0.1:${(pod.address() as AddressInfo).port}` },
    objects: {},
  });
});
after(async () => {
  if (worker) {
    await end(worker.child);
  }
  pod?.closeAllConnections();
  pod?.close();
});

/** Reads an answer to its end; tells the pod once its first event has come. */
async function read(path: string): Promise<string> {
  const response = await fetch(`${worker.url}${path}`);
  let text = "";
  for await (const bytes of response.body ?? []) {
    const seen = text !== "";
    text += Buffer.from(bytes).toString();
    if (!seen && text.includes("\n\n")) {
      pod.emit(`seen${path}`);
    }
  }
  return text;
}

describe("a stream whose rules are gone", { concurrency: true }, () => {
  it("ends with the last resort, and its pod is told to stop", async () => {
    assert.equal(await read("/between"), "data: one\n\ndata: the last resort\n\n");
    await until("the pod was told to stop", () => cut.includes("/between"));
  });

  it("ends half an event before that", async () => {
    assert.equal(await read("/inside"), "data: one\n\ndata: half\n\ndata: the last resort\n\n");
    await until("the pod was told to stop", () => cut.includes("/inside"));
  });
});

describe("a stream whose rules are well", () => {
  it("passes on every byte in order, and what comes at once in few pieces", async () => {
    const text = await read("/whole");
    const asked = Number(/asked: (\d+)\n\n$/.exec(text)?.[1]);
    assert.equal(text, `${PIECE.repeat(CHUNKS)}asked: ${asked}\n\n`);
    assert.ok(asked >= 1 && asked <= CHUNKS / 2, `asked ${asked} times`);
    assert.ok(!cut.includes("/whole"));
  });

  it("keeps nothing back while its pod is silent", async () => {
    const response = await fetch(`${worker.url}/pairs`);
    let text = "";
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString();
      pod.emit(`${text.length / PIECE.length} pieces`);
    }
    assert.ok(text.startsWith(PIECE.repeat(2 * PAIRS)), text);
    assert.ok(!cut.includes("/pairs"));
  });
});
