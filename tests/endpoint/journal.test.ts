// The line of the log that every request writes: what it says, and what it never says.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together, until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";

interface Line {
  event: string;
  request_id: string;
  method: string;
  route: string;
  status: number;
  ms: number;
  trace_id: string | null;
}

let worker: RunningWorker;
let pod: Pod;
let one: Tenant;

before(async () => {
  [worker, pod] = await together([startWorker(), startPod()]);
  one = await tenant(worker, pod);
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

/** The line of the request with this id. */
async function lineOf(id: string | undefined): Promise<Line> {
  let found: Line | undefined;
  await until(`the line of ${id}`, async () => {
    const lines = worker.logs.filter(({ message }) => message.includes(`"${id}"`));
    found = lines.map(({ message }) => JSON.parse(message) as Line).find(({ event }) => event === "call");
    return found !== undefined;
  });
  return found ?? assert.fail();
}

describe("the line of a call", () => {
  it("names request, route, status and trace", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const answer = await one.call("/v1/chat?secret=hush", {
      json: { prompt: "a very private question", stream: true },
      headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` },
    });
    const { ms, ...line } = await lineOf(answer.header("x-request-id"));
    assert.deepEqual(line, {
      event: "call",
      request_id: answer.header("x-request-id"),
      method: "POST",
      route: "/v1/chat",
      status: 200,
      trace_id: trace,
    });
    assert.ok(ms >= 0 && ms < 60_000);
  });

  it("is written for refusals and for other paths, without what stands in them", async () => {
    for (const [path, route, status] of [
      ["/v1/models/private-name", "/v1/models/{id}", 404],
      ["/v1/nothing-private", "", 404],
      ["/v1/status", "/v1/status", 401],
    ] as const) {
      const answer = await one.call(path, status === 401 ? { key: null } : {});
      const line = await lineOf(answer.header("x-request-id"));
      assert.deepEqual([line.route, line.status, line.trace_id], [route, status, null]);
    }
  });

  it("holds nothing that was said, asked for or shown", async () => {
    const text = worker.logs.map(({ message }) => message).join("\n");
    for (const secret of ["private", "hush", one.key.slice(-30)]) {
      assert.equal(text.includes(secret), false, secret);
    }
  });
});
