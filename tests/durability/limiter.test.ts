// The request limit and rotated keys across kill -9, eviction and restart: stricter after a crash, never looser.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { until } from "../harness/index.ts";
import { control, type KeyDocument, tenant } from "../harness/tenant.ts";
import { Mortal } from "./mortal.ts";

const CHAT = "/v1/chat/completions";
const RPM = 40;
/** One more than a minute, as the limiter counts it. */
const WINDOW_MS = 60_001;
/** Long enough that what passed first is free again, and some time more. */
const LOAD_MS = 80_000;

const say = (content: string) => ({ messages: [{ role: "user", content }] });

describe("kill -9 and eviction", { concurrency: true, timeout: 240_000 }, () => {
  let pod: Pod;
  before(async () => {
    pod = await startPod();
  });
  after(() => pod?.close());

  it("leave no trailing 60 seconds with more calls at the pod than the limit", async () => {
    const mortal = new Mortal();
    try {
      const one = await tenant(await mortal.start(), pod, { limits: { rpm: RPM } });
      const began = Date.now();
      const over = () => Date.now() - began > LOAD_MS;
      /** When each call was sent: it was admitted after that, and before the pod had it. */
      const sent = new Map<string, number>();
      let refused = 0;
      const callers = Array.from({ length: 4 }, async (_, caller) => {
        for (let n = 0; !over(); n += 1) {
          const name = `${one.id} ${caller} ${n}`;
          sent.set(name, Date.now());
          try {
            const { status } = await one.completions(say(name));
            refused += status === 429 ? 1 : 0;
          } catch {
            // The Worker was killed under the call.
          }
          await sleep(randomInt(0, 250));
        }
      });
      for (let kills = 0; !over(); kills += 1) {
        await sleep(randomInt(2_000, 9_000));
        if (kills % 3 === 2) {
          await mortal.worker.kill9();
          await mortal.start();
        } else {
          await mortal.worker.evict("Agent", `ep:${one.id}`).catch(() => undefined);
        }
      }
      await Promise.all(callers);
      const passed = pod.requests.flatMap(({ path, json, received_at }) => {
        const content = (json as { messages?: { content: string }[] } | null)?.messages?.[0]?.content ?? "";
        const since = sent.get(content);
        return path === CHAT && since !== undefined ? [{ since, by: received_at }] : [];
      });
      for (const { since } of passed) {
        const within = passed.filter((call) => call.since >= since && call.by < since + WINDOW_MS).length;
        assert.ok(within <= RPM, `${within} calls within 60 s`);
      }
      assert.ok(refused > 0, "the limit was never met");
      assert.ok(passed.length > RPM / 2, `only ${passed.length} calls passed`);
    } finally {
      await mortal.stop();
    }
  });

  it("keep a rotation that was acknowledged, and the grace of the secret before it", async () => {
    const mortal = new Mortal();
    try {
      const one = await tenant(await mortal.start(), pod);
      const rotate = async (json: object) => {
        const path = `/agents/${one.id}/keys/${one.keyId}/rotate`;
        const answer = await control(one.served, path, { json });
        return { status: answer.status, ...answer.json<KeyDocument & { old_secret_until: string }>() };
      };
      const opens = async (key: string) => (await one.completions(say("hi"), { key })).status === 200;
      const first = await rotate({ rotation_id: "first", grace_seconds: 20 });
      assert.deepEqual([first.status, first.id], [200, one.keyId]);
      assert.notEqual(first.key, one.key);
      await mortal.worker.kill9();
      await mortal.start();
      assert.ok((await opens(first.key)) && (await opens(one.key)));
      const again = await rotate({ rotation_id: "first", grace_seconds: 20 });
      assert.deepEqual([again.key, again.old_secret_until], [first.key, first.old_secret_until]);
      const end = Date.parse(first.old_secret_until);
      await until("the grace to end", () => Date.now() > end, 30_000);
      assert.ok((await opens(first.key)) && !(await opens(one.key)));
      const second = await rotate({ rotation_id: "second", grace_seconds: 0 });
      assert.ok((await opens(second.key)) && !(await opens(first.key)));
      assert.equal((await rotate({ rotation_id: "first", grace_seconds: 0 })).status, 422);
      await one.revoke();
      assert.equal((await rotate({ rotation_id: "third", grace_seconds: 0 })).status, 409);
      assert.ok(!(await opens(second.key)));
    } finally {
      await mortal.stop();
    }
  });
});
