// The SDK on every runtime that it is said to be for: Node 18, the Node of this project, Deno, and a Worker. Chromium has
// a suite of its own.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ROOT, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { withSdk } from "./packed.ts";

const execute = promisify(execFile);
const SAID = "You said: Hello, agent!";

const EXPECTED = {
  plain: [SAID, true, true],
  streamed: [SAID, true, true],
  left: true,
  tools: ["crm_query", "warehouse_api"],
  models: ["demo-small", "demo-large"],
  status: "ok",
  refused: [true, "invalid_api_key", 401],
  late: [true, "client_timeout"],
  aborted: "left",
  nobody: ["ConnectionError", "connection_failed"],
  socket: ["You said: one", "You said: two", "invalid_request", 1000],
};

/** Node 18 has no WebSocket of its own. */
const MAIN = `
import { exercise } from "./exercise.mjs";
const WebSocket = globalThis.WebSocket === undefined ? (await import("ws")).default : undefined;
console.log(JSON.stringify(await exercise(OPTIONS, WebSocket)));
`;

const WORKER = `
import { exercise } from "./exercise.mjs";
export default {
  async fetch(request) {
    return Response.json(await exercise(await request.json()));
  },
};
`;

describe("the SDK", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let one: Tenant;
  let folder: string;
  before(async () => {
    [worker, pod, folder] = await together([startWorker(), startPod(), withSdk()]);
    one = await tenant(worker, pod);
    copyFileSync(join(ROOT, "tests", "sdk-js", "exercise.mjs"), join(folder, "exercise.mjs"));
    cpSync(join(ROOT, "node_modules", "ws"), join(folder, "node_modules", "ws"), { recursive: true });
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  const options = () => ({ agentId: one.id, apiKey: one.key, endpoint: worker.url });

  async function run(program: string, ...args: string[]): Promise<unknown> {
    const main = join(folder, "main.mjs");
    writeFileSync(main, MAIN.replace("OPTIONS", JSON.stringify(options())));
    const { stdout, stderr } = await execute(program, [...args, main], { cwd: folder });
    assert.equal(stderr, "");
    return JSON.parse(stdout);
  }

  async function assertAborted(): Promise<void> {
    // The loop that was left ended its run at the pod.
    await pod.waitFor(({ outcome }) => outcome === "aborted");
    pod.clear();
  }

  const runtime = (name: string) =>
    execFileSync(join(ROOT, "scripts", "js-runtime"), [name], { encoding: "utf8" }).trim();

  it("runs on the Node of this project", async () => {
    assert.deepEqual(await run(process.execPath), EXPECTED);
    await assertAborted();
  });

  it("runs on Node 18", async () => {
    const program = runtime("node-18");
    assert.match(execFileSync(program, ["--version"], { encoding: "utf8" }), /^v18\./);
    assert.deepEqual(await run(program), EXPECTED);
    await assertAborted();
  });

  it("runs on Deno", async () => {
    const deno = runtime("deno");
    const args = [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-remote",
      "--node-modules-dir=manual",
      "--allow-net=127.0.0.1",
    ];
    assert.deepEqual(await run(deno, ...args), EXPECTED);
    await assertAborted();
  });

  it("runs in a Worker", async () => {
    const sdk = readFileSync(join(folder, "node_modules", "@moltghost", "sdk", "dist", "index.js"), "utf8");
    const exercise = readFileSync(join(folder, "exercise.mjs"), "utf8");
    const modules = { "worker.mjs": WORKER, "exercise.mjs": exercise, "sdk.mjs": sdk };
    const other = new Miniflare(
      convertV4MiniflareOptions({
        host: "127.0.0.1",
        port: 0,
        cf: false,
        telemetry: { enabled: false },
        workers: [
          {
            name: "program",
            modulesRoot: "/",
            modules: Object.entries(modules).map(([name, contents]) => ({
              type: "ESModule" as const,
              path: `/${name}`,
              contents: contents.replace('"@moltghost/sdk"', '"./sdk.mjs"'),
            })),
            compatibilityDate: "2026-11-17",
          },
        ],
      }),
    );
    try {
      const address = await other.ready;
      const answer = await fetch(address, { method: "POST", body: JSON.stringify(options()) });
      assert.deepEqual(JSON.parse(await answer.text()), EXPECTED);
      await assertAborted();
    } finally {
      await other.dispose();
    }
  });
});
