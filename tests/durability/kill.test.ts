// kill -9 of workerd under load, again and again on the same folder: what was acknowledged is there afterwards, and
// every call that was answered is counted once.
//
// MOLTGHOST_KILLS sets the number of kills.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { until } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { Calls } from "./calls.ts";
import { Mortal } from "./mortal.ts";
import { Writes } from "./writes.ts";

const KILLS = Number(process.env.MOLTGHOST_KILLS ?? "10");
/** The longest that a run may take, in seconds: short, as its lease is waited for; not so short that a call is late. */
const RUN_SECONDS = 10;
/** A lease outlives its run's time by 30 s. */
const LEASE_MS = (RUN_SECONDS + 30) * 1000;
const BRIEF = { timeout_seconds: RUN_SECONDS, limits: { max_timeout_seconds: RUN_SECONDS } };

describe("kill -9", { concurrency: true }, () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod?.close());

  it(`loses nothing that was acknowledged, ${KILLS} times over`, async () => {
    const mortal = new Mortal();
    try {
      const t = await tenant(await mortal.start(), pod, BRIEF);
      const calls = new Calls(t);
      const writes = new Writes();
      for (let kill = 0; kill < KILLS; kill += 1) {
        calls.begin(6);
        writes.begin(mortal.worker, 3);
        const { acknowledged } = calls;
        const accounts = writes.accounts.length;
        // Not before there is something to lose; then at any moment.
        await until(
          "load",
          () => calls.acknowledged > acknowledged + 20 && writes.accounts.length > accounts,
        );
        await sleep(randomInt(0, 300));
        await mortal.worker.kill9();
        await Promise.all([calls.end(), writes.end()]);
        await mortal.start();
        await writes.verify(mortal.worker);
        assert.ok(await calls.once(), calls.refused.join("\n"));
      }
      assert.deepEqual(calls.refused, []);
      const status = await until(
        "the leases to end",
        async () => {
          const now = await t.status();
          return now.in_flight === 0 ? now : null;
        },
        LEASE_MS + 15_000,
      );
      const { requests } = status.usage;
      assert.ok(
        requests >= calls.acknowledged && requests <= calls.sent,
        `${requests} requests are counted of ${calls.acknowledged} acknowledged and ${calls.sent} sent`,
      );
      assert.ok(writes.agents.length >= KILLS && calls.acknowledged > 20 * KILLS, "there was no load");
    } finally {
      await mortal.stop();
    }
  });

  it("counts each answered call once, though its Worker dies before it has settled", async () => {
    const mortal = new Mortal();
    try {
      const t = await tenant(await mortal.start(), pod, BRIEF);
      const calls = new Calls(t);
      await Promise.all(Array.from({ length: 25 }, (_, n) => calls.once(n % 2 === 0)));
      await mortal.worker.kill9();
      assert.equal(calls.acknowledged, 25, calls.refused.join("\n"));
      await mortal.start();
      const [before, usage] = [await t.status(), await ended(t)];
      assert.equal(before.usage.requests + before.in_flight, 25);
      assert.equal(usage.requests, 25);
      const { reported, counted, estimated } = usage.by_source;
      assert.equal(reported + counted + estimated, usage.total_tokens);
    } finally {
      await mortal.stop();
    }
  });

  it("leaves leases of the streams that it cut, which end and are charged", async () => {
    const mortal = new Mortal();
    const slow = await startPod({ defaults: { chunk_delay_ms: 20 } });
    try {
      const t = await tenant(await mortal.start(), slow, BRIEF);
      const calls = new Calls(t);
      const streams = await Promise.all(Array.from({ length: 5 }, () => calls.stream()));
      const cut = streams.map(async ({ status, chunks }) => {
        assert.equal(status, 200);
        let text = "";
        try {
          for await (const chunk of chunks) {
            text += chunk.toString();
          }
        } catch {
          // Cut, as it should be.
        }
        return text;
      });
      await until(
        "all streams at the pod",
        () => slow.requests.filter(({ path }) => path.includes("chat")).length === 5,
      );
      await mortal.worker.kill9();
      for (const text of await Promise.all(cut)) {
        assert.ok(!text.includes("[DONE]"), "a stream that was cut says that it is done");
      }
      await mortal.start();
      assert.equal((await t.status()).in_flight, 5);
      // New calls are not in the way of the old leases.
      assert.ok(await calls.once());
      const usage = await ended(t);
      assert.equal(usage.requests, 6);
      assert.ok(usage.by_source.estimated > 0, "what was cut is not charged");
    } finally {
      await mortal.stop();
      await slow.close();
    }
  });

  async function ended(t: Tenant) {
    const status = await until(
      "the leases to end",
      async () => {
        const now = await t.status();
        return now.in_flight === 0 ? now : null;
      },
      LEASE_MS + 15_000,
    );
    return status.usage;
  }
});
