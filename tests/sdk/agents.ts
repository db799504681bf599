// The agents and keys that the table's cases call, for one SDK.

import assert from "node:assert/strict";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { control, type KeyDocument, type Served, type Tenant, tenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import type { AgentKind, KeyKind } from "./case.ts";

export interface Cast {
  agents: Record<AgentKind, Tenant>;
  keys: Record<KeyKind, string>;
  end(): Promise<void>;
}

/** Routes that a pod need not have. */
const OPTIONAL = ["/v1/completions", "/v1/embeddings", "/v1/responses"];

/** Makes all agents and keys on one account; `pod` is the one whose faults the cases set. */
export async function cast(served: Served, pod: Pod): Promise<Cast> {
  const [bare, slow, gone] = await together([startPod({ lacks: OPTIONAL }), startPod(), startPod()]);
  const running = await tenant(served, pod);
  const { account } = running;
  const unreachable = await tenant(served, pod, { account });
  await unreachable.change({ origin: { type: "tunnel" } });
  const paused = await tenant(served, pod, { account });
  await paused.pause();
  const terminated = await tenant(served, pod, { account });
  await terminated.terminate();
  // A pod that nobody connects in time.
  const failed = await tenant(served, null, { account, start_deadline_seconds: 1 });
  await control(served, `/agents/${failed.id}/start`, { method: "POST" });
  const deserted = await tenant(served, gone, { account });
  await gone.close();
  const busy = await tenant(served, slow, { account, limits: { concurrency: 1, queue: 0 } });
  const held = await busy.open("/v1/chat/completions", {
    json: {
      messages: [{ role: "user", content: "hold" }],
      metadata: { pod: { chunks: 100_000, chunk_delay_ms: 100 } },
      stream: true,
    },
  });
  assert.equal(held.status, 200);
  await until("a start to fail", async () => (await failed.shown()).state === "failed");
  const agents = {
    running,
    bare: await tenant(served, bare, { account }),
    limited: await tenant(served, pod, { account, models: ["demo-small"], limits: { body_bytes: 2_000 } }),
    // A pod that nobody has connected yet.
    initializing: await tenant(served, null, { account }),
    paused,
    failed,
    unreachable,
    terminated,
    unknown: paused,
    patient: await tenant(served, pod, { account, early_headers: true }),
    busy,
    deserted,
  };
  return {
    agents,
    keys: await keysOf(running, paused),
    async end() {
      held.leave();
      await Promise.all([bare.close(), slow.close()]);
    },
  };
}

async function keysOf(one: Tenant, other: Tenant): Promise<Record<KeyKind, string>> {
  const revoked = await one.newKey();
  await one.revoke(revoked.id);
  const end = Date.now() + 2_000;
  const expired = await one.newKey(undefined, { expires_at: new Date(end).toISOString() });
  const rotated = await one.newKey();
  const retired = await one.newKey();
  const rotate = async (key: KeyDocument, grace_seconds: number) => {
    const path = `/agents/${one.id}/keys/${key.id}/rotate`;
    const answer = await control(one.served, path, { json: { grace_seconds } });
    assert.equal(answer.status, 200, answer.text);
  };
  await rotate(rotated, 3_600);
  await rotate(retired, 0);
  const { key: confined } = await one.newKey(undefined, { allowed_paths: ["/v1/models"] });
  await until("a key to expire", () => Date.now() > end);
  return {
    revoked: revoked.key,
    expired: expired.key,
    confined,
    foreign: other.key,
    rotated: rotated.key,
    retired: retired.key,
  };
}
