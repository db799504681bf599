// The program that the product's documents show, run as it stands but for agent, key and host, on the package as it is
// published.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ROOT, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { withSdk } from "./packed.ts";

const execute = promisify(execFile);
const SNIPPET = readFileSync(join(ROOT, "tests", "sdk-js", "snippet.txt"), "utf8");
const SAID = "You said: What are my top 3 customers?";

describe("the documents' program for the SDK", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let proxy: CheckedProxy;
  let agent: Tenant;
  let folder: string;
  before(async () => {
    [worker, pod, folder] = await together([startWorker(), startPod(), withSdk()]);
    [proxy, agent] = await Promise.all([startCheckedProxy(worker.url), tenant(worker, pod)]);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  async function run(source: string): Promise<string> {
    const file = join(folder, "program.mjs");
    writeFileSync(file, source);
    const { stdout, stderr } = await execute(process.execPath, [file]);
    assert.equal(stderr, "");
    return stdout;
  }

  it("prints what the agent says, and the tokens", async () => {
    const source = SNIPPET.replace("abc123", agent.id)
      .replace("molti_xxxxx", agent.key)
      .replace("https://agent.moltghost.io", proxy.url);
    const lines = (await run(source)).trimEnd().split("\n");
    const total = /^Total tokens: (\d+)$/.exec(lines.pop() ?? "");
    assert.ok(Number(total?.[1]) > 0, "no tokens were told");
    assert.ok(lines.length > 2, "the text came as one piece");
    assert.equal(lines.join(""), SAID);
  });

  it("runs as the package's own page shows it", async () => {
    const page = readFileSync(join(ROOT, "sdk", "README.md"), "utf8");
    const programs = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program]) => program ?? "");
    assert.ok(programs.length > 2, "the page shows no programs");
    const using = (
      endpoint: string,
    ) => `import { MoltGhostAgent, MoltGhostError, RateLimitError } from "@moltghost/sdk";
      const agent = new MoltGhostAgent({ agentId: "${agent.id}", apiKey: "${agent.key}", endpoint: "${endpoint}" });`;
    for (const program of programs) {
      // The proxy checks answers, and passes on no sockets.
      const head = using(program.includes(".connect(") ? worker.url : proxy.url);
      const source = program.includes("new MoltGhostAgent(")
        ? program
            .replace("abc123", agent.id)
            .replace("process.env.MOLTGHOST_KEY", JSON.stringify(agent.key))
            .replace("https://agent.moltghost.io", proxy.url)
        : head + program;
      assert.notEqual(await run(source), "", program);
    }
  });

  it("got answers as they are documented", () => proxy.close());
});
