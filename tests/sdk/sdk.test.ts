// The table, run by every OpenAI SDK that is supported, each as it is published. A proxy in front of the Worker judges
// each answer by the contract and counts the attempts.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod, UNICODE_SAMPLE } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { type NodeVersion, runNode } from "./run-node.ts";
import { PythonRunner, type PythonVersion } from "./run-python.ts";
import { type AgentKind, type Call, type Case, type Outcome, TABLE } from "./table.ts";

interface Sdk {
  language: "node" | "python";
  version: string;
  begin(): Promise<(url: string, key: string, call: Call, model: string) => Promise<Outcome>>;
  end(): Promise<void>;
}

function node(name: NodeVersion): Sdk {
  return {
    language: "node",
    version: name,
    begin: async () => (url, key, call, model) => runNode(name, url, key, call, model),
    end: async () => undefined,
  };
}

function python(name: PythonVersion, major: string): Sdk {
  let runner: PythonRunner | undefined;
  return {
    language: "python",
    version: name,
    begin: async () => {
      const started = new PythonRunner(name);
      runner = started;
      const version = await started.version();
      assert.ok(version.startsWith(`${major}.`), `${name} is ${version}`);
      return (url, key, call, model) => started.run(url, key, call, model);
    },
    end: async () => runner?.stop(),
  };
}

const SDKS = [
  node("openai-v4"),
  node("openai-v6"),
  node("openai-v7"),
  python("openai-1", "1"),
  python("openai-3", "3"),
];

let worker: RunningWorker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

describe("OpenAI's SDKs", { concurrency: true }, () => {
  for (const sdk of SDKS) {
    describe(`${sdk.language} ${sdk.version}`, { concurrency: 1 }, () => {
      let pod: Pod;
      let bare: Pod;
      let proxy: CheckedProxy;
      let run: Awaited<ReturnType<Sdk["begin"]>>;
      const agents = {} as Record<AgentKind, Tenant>;
      before(async () => {
        const lacks = ["/v1/completions", "/v1/embeddings", "/v1/responses"];
        [pod, bare, proxy, run] = await Promise.all([
          startPod(),
          startPod({ lacks }),
          startCheckedProxy(worker.url),
          sdk.begin(),
        ]);
        agents.running = await tenant(worker, pod);
        const { account } = agents.running;
        agents.bare = await tenant(worker, bare, { account });
        agents.limited = await tenant(worker, pod, {
          account,
          models: ["demo-small"],
          limits: { body_bytes: 2_000 },
        });
        agents.unreachable = await tenant(worker, pod, { account });
        await agents.unreachable.change({ origin: { type: "tunnel" } });
        agents.paused = await tenant(worker, pod, { account });
        await agents.paused.pause();
        agents.terminated = await tenant(worker, pod, { account });
        await agents.terminated.terminate();
        // A pod that nobody has connected yet.
        agents.initializing = await tenant(worker, null, { account });
        agents.unknown = agents.paused;
      });
      after(async () => {
        await sdk.end();
        await Promise.all([pod?.close(), bare?.close()]);
      });

      for (const item of TABLE) {
        it(item.name, async () => {
          const agent = agents[item.agent];
          pod.setFault(item.fault ?? null);
          const before = proxy.answers;
          const path = item.agent === "unknown" ? "/agents/nobody-by-that-name" : agent.path;
          const outcome = await run(`${proxy.url}${path}/v1`, agent.key, item.call, "demo-small");
          pod.setFault(null);
          expectOutcome(sdk, item, outcome);
          assert.equal(proxy.answers - before, item.attempts, "attempts");
        });
      }

      it("got answers as they are documented", () => proxy.close());
    });
  }
});

function expectOutcome(sdk: Sdk, { name, call, wanted }: Case, outcome: Outcome): void {
  const { error, ...rest } = wanted;
  assert.equal(outcome.ok, wanted.ok, JSON.stringify(outcome));
  for (const [member, value] of Object.entries(rest)) {
    assert.deepEqual(outcome[member as keyof Outcome], value, `${member}: ${JSON.stringify(outcome)}`);
  }
  if (wanted.finish === "tool_calls") {
    assert.deepEqual(
      outcome.tools?.map((tool) => tool.name),
      ["look_up"],
    );
    assert.equal(typeof JSON.parse(outcome.tools?.[0]?.arguments ?? ""), "object");
  }
  if (name.includes("multi-byte")) {
    assert.equal(outcome.content, UNICODE_SAMPLE);
  }
  if (call.kind.endsWith("stream") && wanted.ok) {
    assert.ok((outcome.chunks ?? 0) > 2, "the stream came as one chunk");
  }
  if (error !== undefined) {
    const kind = typeof error.class === "string" ? error.class : error.class[sdk.language];
    const { message, ...seen } = outcome.error ?? { message: "" };
    assert.deepEqual(seen, { ...error, class: kind }, JSON.stringify(outcome));
    assert.ok(message.length > 10, message);
  }
  // A stream's head is not shown by every version, nor is that of an error in its midst.
  const shown = ["chat", "text", "response", "model"].includes(call.kind) && wanted.ok;
  if (shown || (error !== undefined && error.status !== null)) {
    assert.match(outcome.request ?? "", /^req_[0-9a-f]{16}$/);
  }
}
