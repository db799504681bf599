// What the product's documents tell users to paste: the Python snippet and the curl lines, run as they stand, but for
// host and key.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ROOT, type RunningWorker, scratch, startWorker, together } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { interpreter } from "./run-python.ts";

const execute = promisify(execFile);

describe("what the documents show", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let proxy: CheckedProxy;
  let agent: Tenant;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
    [proxy, agent] = await Promise.all([startCheckedProxy(worker.url), tenant(worker, pod)]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  /** The agent's own host, on the port of the proxy. */
  const endpoint = () => `http://${agent.id}.agent.localhost:${new URL(proxy.url).port}`;

  async function curl(...args: string[]): Promise<{ head: string; body: string }> {
    const { stdout } = await execute("curl", [
      "--silent",
      "--show-error",
      "--include",
      "--noproxy",
      "*",
      ...args,
    ]);
    const [head = "", ...rest] = stdout.split("\r\n\r\n");
    return { head, body: rest.join("\r\n\r\n") };
  }

  for (const version of ["openai-1", "openai-3"] as const) {
    it(`runs as Python with ${version}`, async () => {
      const snippet = readFileSync(join(ROOT, "tests", "sdk", "snippet.py"), "utf8")
        .replace("AGENT_KEY", agent.key)
        .replace("AGENT_ENDPOINT", `${proxy.url}${agent.path}`);
      const file = join(scratch("snippet"), "snippet.py");
      writeFileSync(file, snippet);
      const { stdout, stderr } = await execute(interpreter(version), [file]);
      // The last chunk has no content, which the snippet prints as Python does.
      assert.equal(stdout.replace(/(None)*$/, ""), "You said: Analyze Q4 sales");
      assert.equal(stderr, "");
    });
  }

  it("runs as a plain call with curl", async () => {
    const { head, body } = await curl(
      ...["-X", "POST", `${endpoint()}/v1/chat`, "-H", `Authorization: Bearer ${agent.key}`],
      ...["-H", "Content-Type: application/json"],
      ...["-d", `{\n"messages": [{"role": "user", "content": "Hello, agent!"}],\n"stream": false\n}`],
    );
    assert.match(head, /^HTTP\/1\.1 200 /);
    const reply = JSON.parse(body) as { id: string; content: string; usage: { tokens: number } };
    assert.match(reply.id, /^msg_/);
    assert.equal(reply.content, "You said: Hello, agent!");
    assert.ok(reply.usage.tokens > 0);
  });

  it("runs as a stream with curl, without a content type", async () => {
    const { head, body } = await curl(
      ...["-X", "POST", `${endpoint()}/v1/chat`, "-H", `Authorization: Bearer ${agent.key}`],
      ...["-d", `{\n"messages": [{"role": "user", "content": "..."}],\n"stream": true\n}`, "--no-buffer"],
    );
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.match(head, /content-type: text\/event-stream/i);
    const events = body.split("\n\n").filter((event) => event.startsWith("data: "));
    assert.equal(events.at(-1), "data: [DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)) as Record<string, unknown>);
    assert.equal(chunks.map(({ content }) => content).join(""), "You said: ...");
    assert.deepEqual(
      chunks.map(({ done }) => done),
      chunks.map((_, at) => at === chunks.length - 1),
    );
    assert.ok(chunks.at(-1)?.usage, "the last chunk has no usage");
  });

  it("runs as a stream with curl, with a content type", async () => {
    const { head, body } = await curl(
      ...["-X", "POST", `${endpoint()}/v1/chat`, "-H", `Authorization: Bearer ${agent.key}`],
      ...["-H", "Content-Type: application/json"],
      ...["-d", `{\n"messages": [{"role": "user", "content": "Analyze Q4 sales"}],\n"stream": true\n}`],
    );
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.match(body, /"content":" Q4","done":false\}\n\n/);
    assert.ok(body.endsWith("data: [DONE]\n\n"), body);
  });

  const TOOLS = `{\n"prompt": "Check inventory levels",\n"tools": ["crm_query", "warehouse_api"]\n}`;

  it("says what is missing where the line for tools shows no key", async () => {
    const { head, body } = await curl("-X", "POST", `${endpoint()}/v1/tools`, "-d", TOOLS);
    assert.match(head, /^HTTP\/1\.1 401 /);
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    assert.equal(error.code, "invalid_api_key");
    assert.match(error.message, /Authorization: Bearer molti_/);
  });

  it("runs the line for tools once it has a key", async () => {
    const key = ["-H", `Authorization: Bearer ${agent.key}`];
    const { head, body } = await curl("-X", "POST", `${endpoint()}/v1/tools`, ...key, "-d", TOOLS);
    assert.match(head, /^HTTP\/1\.1 200 /);
    const result = JSON.parse(body) as { object: string; content: string; tool_calls: { name: string }[] };
    assert.equal(result.object, "tool.result");
    assert.match(result.content, /Check inventory levels/);
    assert.deepEqual(
      result.tool_calls.map(({ name }) => name),
      ["crm_query", "warehouse_api"],
    );
  });

  it("takes the body that the routing diagram shows", async () => {
    const { head, body } = await curl(
      ...["-X", "POST", `${endpoint()}/v1/chat`, "-H", `Authorization: Bearer ${agent.key}`],
      ...["-d", `{"agent-id": "${agent.id}", "prompt": "Hello"}`],
    );
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.equal((JSON.parse(body) as { content: string }).content, "You said: Hello");
  });

  it("asks the demo agent for its health without a key", async () => {
    await agent.change({ alias: "demo-agent" });
    const { port } = new URL(proxy.url);
    const { body } = await curl(`http://demo-agent.agent.localhost:${port}/v1/health`);
    assert.deepEqual(JSON.parse(body), { status: "ok" });
  });

  it("gets answers as they are documented", () => proxy.close());
});
