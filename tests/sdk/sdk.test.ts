// The table, run by every OpenAI SDK that is supported. A proxy in front of the Worker judges each answer by the contract
// and counts the attempts.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type CheckedProxy, startCheckedProxy } from "../harness/openapi.ts";
import { type Cast, cast } from "./agents.ts";
import { expectOutcome, SDKS, type Sdk } from "./sdks.ts";
import { TABLE } from "./table.ts";

let worker: RunningWorker;
before(async () => {
  worker = await startWorker();
});
after(() => worker?.stop());

describe("OpenAI's SDKs", { concurrency: true }, () => {
  for (const sdk of SDKS) {
    describe(`${sdk.language} ${sdk.version}`, { concurrency: 1 }, () => {
      let pod: Pod;
      let proxy: CheckedProxy;
      let running: Awaited<ReturnType<Sdk["begin"]>>;
      let all: Cast;
      before(async () => {
        [pod, proxy, running] = await together([startPod(), startCheckedProxy(worker.url), sdk.begin()]);
        all = await cast(worker, pod);
      });
      after(async () => {
        await running?.end();
        await all?.end();
        await pod?.close();
      });

      for (const item of TABLE) {
        it(item.name, async () => {
          const agent = all.agents[item.agent];
          const key = item.key === undefined ? agent.key : all.keys[item.key];
          pod.setFault(item.fault ?? null);
          const before = proxy.answers;
          const path = item.agent === "unknown" ? "/agents/nobody-by-that-name" : agent.path;
          const outcome = await running.run(`${proxy.url}${path}/v1`, key, item.call, "demo-small");
          pod.setFault(null);
          expectOutcome(sdk, item, outcome);
          assert.equal(proxy.answers - before, item.attempts, "attempts");
        });
      }

      it("got answers as they are documented", () => proxy.close());
    });
  }
});
