// The request limit, the slots and rotated keys across kill -9, eviction and restart: stricter after a crash, never looser,
// and nobody waits longer than a lease.

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
/** A lease outlives its run's time, here five seconds, by 30 s. */
const LEASE_MS = 35_000;
const BRIEF = { timeout_seconds: 5, limits: { max_timeout_seconds: 5 } };

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

  it("leave a limit used up that was, and say so in every form", async () => {
    const mortal = new Mortal();
    try {
      const one = await tenant(await mortal.start(), pod, { limits: { rpm: 5 } });
      const own = await one.newKey(undefined, { limits: { rpm: 2 } });
      const began = Date.now();
      const statuses = [];
      for (const key of [own.key, own.key, own.key, one.key, one.key, one.key, one.key]) {
        statuses.push((await one.completions(say("x"), { key })).status);
      }
      assert.deepEqual(statuses, [200, 200, 429, 200, 200, 200, 429]);
      const kill = async () => {
        await mortal.worker.kill9();
        await mortal.start();
      };
      for (const goes of [kill, () => mortal.worker.evict("Agent", `ep:${one.id}`)]) {
        await goes();
        for (const [key, limit] of [
          [one.key, "5"],
          [own.key, "2"],
        ] as const) {
          const answer = await one.completions(say("x"), { key });
          assert.ok(Date.now() < began + 55_000, "too slow to tell anything");
          assert.equal(answer.status, 429, answer.text);
          const header = (name: string) => answer.header(name) ?? "";
          assert.equal(header("x-ratelimit-limit-requests"), limit);
          assert.equal(header("x-ratelimit-remaining-requests"), "0");
          const wait = Number(header("retry-after-ms"));
          assert.ok(wait > 0 && wait <= 59_000, String(wait));
          assert.equal(header("retry-after"), String(Math.ceil(wait / 1_000)));
          assert.match(header("ratelimit"), /^"requests";r=0;t=[0-9]+$/);
          assert.notEqual(header("x-ratelimit-reset-requests"), "0s");
        }
      }
    } finally {
      await mortal.stop();
    }
  });

  it("hold the slots of 50 runs that nobody settles no longer than their leases, and charge them in full", async () => {
    const mortal = new Mortal();
    const slow = await startPod({ defaults: { chunk_delay_ms: 50, chunks: 10_000 } });
    try {
      const limits = { ...BRIEF.limits, concurrency: 50, queue: 0 };
      const one = await tenant(await mortal.start(), slow, { ...BRIEF, limits });
      const json = { ...say("x"), stream: true, max_tokens: 100 };
      const held = await Promise.all(Array.from({ length: 50 }, () => one.open(CHAT, { json })));
      assert.ok(held.every(({ status }) => status === 200));
      const read = held.map(async ({ chunks }) => {
        try {
          for await (const _ of chunks) {
            // Until it is cut.
          }
        } catch {
          // As it should be.
        }
      });
      await mortal.worker.kill9();
      await Promise.all(read);
      await mortal.start();
      const restarted = performance.now();
      const { usage: before, in_flight } = await one.status();
      // What had ended in time before the kill was settled.
      assert.equal(before.requests + in_flight, 50);
      assert.ok(in_flight > 0, "every run had ended before the kill");
      await until(
        "a slot",
        async () =>
          (await one.completions({ ...say("next"), metadata: { pod: { chunks: 1 } } })).status === 200,
        LEASE_MS + 10_000,
      );
      const waited = performance.now() - restarted;
      assert.ok(waited < LEASE_MS + 5_000, `${waited} ms`);
      const { usage } = await until(
        "all leases to end",
        async () => {
          const now = await one.status();
          return now.in_flight === 0 ? now : null;
        },
        LEASE_MS + 15_000,
      );
      assert.ok(usage.requests >= 51, `${usage.requests} requests`);
      assert.ok(usage.by_source.estimated >= 100 * in_flight, JSON.stringify(usage));
      const { reported, counted, estimated } = usage.by_source;
      for (const figure of [usage.prompt_tokens, usage.completion_tokens, reported, counted, estimated]) {
        assert.ok(figure >= 0, JSON.stringify(usage));
      }
    } finally {
      await mortal.stop();
      await slow.close();
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
