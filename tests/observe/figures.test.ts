// What an agent used by day, and numbers of its calls by the minute.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { refused, type Session, session } from "../control/session.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

interface DayUsage {
  day: string;
  source: "reported" | "counted" | "estimated";
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

interface Usage {
  from: string;
  to: string;
  data: DayUsage[];
  months: { month: string; requests: number; total_tokens: number }[];
}

interface Durations {
  count: number;
  sum: number;
  counts: number[];
}

interface Metrics {
  from: string;
  to: string;
  step: number;
  data: {
    time: string;
    requests: number;
    refused: Record<string, number>;
    endings: Record<"ok" | "client_error" | "server_error" | "cancelled" | "lost", number>;
    prompt_tokens: number;
    completion_tokens: number;
    in_flight_max: number;
    latency_ms: Durations;
    time_to_first_token_ms: Durations;
  }[];
}

const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);
const chat = { messages: [{ role: "user", content: "hello" }] };

describe("an agent's figures", () => {
  let s: Session;
  let pod: Pod;
  let t: Tenant;
  before(async () => {
    [s, pod] = await together([session(), startPod()]);
    t = await tenant(s.worker, pod);
  });
  after(async () => {
    await s?.stop();
    await pod?.close();
  });

  const usage = (query = "") => s.ok<Usage>(200, `/agents/${t.id}/usage${query}`);
  const metrics = (query = "") => s.ok<Metrics>(200, `/agents/${t.id}/metrics${query}`);

  it("are empty before the first call", async () => {
    assert.deepEqual((await usage()).data, []);
    assert.deepEqual((await usage()).months, []);
    assert.deepEqual((await metrics()).data, []);
  });

  it("tell of every call once it is settled, and agree with the status", async () => {
    for (let n = 0; n < 3; n += 1) {
      assert.equal((await t.completions(chat)).status, 200);
    }
    assert.equal((await t.completions({ ...chat, stream: true })).status, 200);
    const shown = await until("four settled calls", async () => {
      const now = await usage();
      return sum(now.data.map(({ requests }) => requests)) === 4 && now;
    });
    const status = await t.status();
    assert.equal(shown.months.length, 1);
    assert.equal(shown.months[0]?.month, status.usage.month);
    assert.equal(shown.months[0]?.total_tokens, status.usage.total_tokens);
    assert.equal(sum(shown.data.map((day) => day.total_tokens)), status.usage.total_tokens);
    for (const day of shown.data) {
      assert.equal(day.total_tokens, day.prompt_tokens + day.completion_tokens);
    }

    const { data } = await metrics("?step=3600");
    assert.equal(sum(data.map(({ requests }) => requests)), 4);
    assert.equal(sum(data.map(({ endings }) => endings.ok)), 4);
    assert.equal(sum(data.map(({ latency_ms }) => latency_ms.count)), 4);
    assert.equal(sum(data.map(({ time_to_first_token_ms }) => time_to_first_token_ms.count)), 1);
    assert.equal(
      sum(data.map((step) => step.prompt_tokens + step.completion_tokens)),
      status.usage.total_tokens,
    );
    assert.ok(data.every(({ in_flight_max }) => in_flight_max === 1));
    for (const { latency_ms } of data) {
      assert.equal(sum(latency_ms.counts), latency_ms.count);
    }
  });

  it("tell refusals by code, and how runs failed", async () => {
    const before = (await metrics("?step=86400")).data;
    const failed = (steps: Metrics["data"]) => sum(steps.map(({ endings }) => endings.server_error));
    pod.setFault({ status: 500 });
    assert.equal((await t.completions(chat)).status, 502);
    pod.setFault(null);
    await until("the failed run", async () => failed((await metrics("?step=86400")).data) > failed(before));
    // A stream that ends with the pod's own error was not answered in full, either.
    const after = (await metrics("?step=86400")).data;
    for (const path of ["/v1/chat", "/v1/chat/completions"]) {
      const streamed = await t.call(path, {
        json: { ...chat, stream: true, metadata: { pod: { error_mid_stream: 1 } } },
      });
      assert.match(streamed.text, /"error"/);
    }
    await until("both", async () => failed((await metrics("?step=86400")).data) === failed(after) + 2);
    await t.pause();
    assert.equal((await t.completions(chat)).status, 503);
    assert.equal((await t.completions(chat, { key: t.key })).status, 503);
    const { data } = await metrics("?step=86400");
    assert.equal(sum(data.map((step) => step.refused.agent_paused ?? 0)), 2);
    await t.start();
  });

  it("count most runs in flight at once", async () => {
    pod.setFault({ stall_before_headers_ms: 300 });
    await Promise.all(Array.from({ length: 3 }, () => t.completions(chat)));
    pod.setFault(null);
    const { data } = await metrics();
    assert.ok(Math.max(...data.map(({ in_flight_max }) => in_flight_max)) >= 3, JSON.stringify(data));
  });

  it("are asked for by the operator as account/name, and by tokens of any role", async () => {
    const named = `${t.account}/${encodeURIComponent(t.agent.name)}`;
    const token = await s.token(t.account, "viewer");
    for (const [agent, options] of [
      [named, {}],
      [t.agent.name, { token: token.token }],
    ] as const) {
      for (const what of ["usage", "metrics"]) {
        await s.ok(200, `/agents/${agent}/${what}`, options);
      }
    }
    const other = await s.token(await s.account(), "admin");
    for (const what of ["usage", "metrics"]) {
      refused(await s.call(`/agents/${t.id}/${what}`, { token: other.token }), 404, "agent_not_found");
      refused(await s.call(`/agents/${t.id}/${what}`, { token: null }), 401, "invalid_token");
      refused(await s.call(`/agents/${t.id}/${what}`, { method: "POST" }), 405, "method_not_allowed");
    }
  });

  it("are refused by the name of the parameter at fault", async () => {
    for (const [query, param] of [
      ["usage?from=yesterday", "from"],
      ["usage?to=2026-02-30", "to"],
      ["usage?from=2026-02-02&to=2026-02-01", "from"],
      ["usage?from=2020-01-01&to=2024-01-01", "from"],
      ["metrics?from=2026-11-23", "from"],
      ["metrics?to=x", "to"],
      ["metrics?step=59", "step"],
      ["metrics?step=86460", "step"],
      ["metrics?step=90", "step"],
      ["metrics?from=%ff", "from"],
    ]) {
      refused(await s.call(`/agents/${t.id}/${query}`), 400, "invalid_request", param);
    }
  });

  it("survive the object's death", async () => {
    const before = await metrics("?step=86400");
    assert.ok(before.data.length > 0);
    await s.worker.evict("Agent", `ep:${t.id}`);
    assert.deepEqual((await metrics("?step=86400")).data, before.data);
  });
});
