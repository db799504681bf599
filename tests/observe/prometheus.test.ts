// The deployment's numbers for Prometheus: told by agents themselves, summed up once, without waking anybody.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Session, session } from "../control/session.ts";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { tenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const chat = { messages: [{ role: "user", content: "hello" }] };
/** Agents tell after 20 seconds, accounts after 20 more. */
const TOLD_MS = 90_000;

/** Samples by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

describe("metrics for Prometheus", () => {
  let plain: Session;
  let labelled: Session;
  let pod: Pod;
  before(async () => {
    [plain, labelled, pod] = await together([
      session(),
      session({ vars: { METRICS_AGENT_LABELS: "on" } }),
      startPod(),
    ]);
  });
  after(async () => {
    await Promise.all([plain?.stop(), labelled?.stop(), pod?.close()]);
  });

  const scrape = async (s: Session) => {
    const answer = await s.call("/metrics");
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    return answer.text;
  };

  it("are there before anything has happened", async () => {
    const numbers = samples(await scrape(plain));
    assert.equal(numbers.get("moltghost_accounts"), 0);
    assert.equal(numbers.get("moltghost_requests_total"), 0);
  });

  it("come to tell exactly what was called, also after objects have died, with agents named only on demand", async () => {
    const sessions = [plain, labelled];
    const tenants = await Promise.all(sessions.map((s) => tenant(s.worker, pod)));
    const others = await Promise.all(sessions.map((s) => tenant(s.worker, pod)));
    let tokens = 0;
    for (const t of [...tenants, ...others]) {
      await t.completions(chat);
      await t.completions({ ...chat, stream: true });
      await t.pause();
      assert.equal((await t.completions(chat)).status, 503);
      tokens = (
        await until("both runs", async () => {
          const { usage } = await t.status();
          return usage.requests === 2 && usage;
        })
      ).total_tokens;
    }
    for (const [at, s] of sessions.entries()) {
      await s.worker.evict("Agent", `ep:${tenants[at]?.id}`);
      await s.worker.evict("Account", `acct:${tenants[at]?.account}`);
    }
    for (const [at, s] of sessions.entries()) {
      const text = await until(
        "all numbers",
        async () => {
          const found = await scrape(s);
          const told = samples(found).get("moltghost_requests_total") === 4;
          return told && samples(found).get('moltghost_agents{state="paused"}') === 2 && found;
        },
        TOLD_MS,
      );
      const numbers = samples(text);
      assert.equal(numbers.get("moltghost_accounts"), 2);
      assert.equal(numbers.get('moltghost_runs_total{ending="ok"}'), 4);
      assert.equal(numbers.get("moltghost_run_duration_seconds_count"), 4);
      assert.equal(numbers.get('moltghost_run_duration_seconds_bucket{le="+Inf"}'), 4);
      assert.equal(numbers.get("moltghost_time_to_first_token_seconds_count"), 2);
      const kinds = ["prompt", "completion"].map((kind) =>
        numbers.get(`moltghost_tokens_total{kind="${kind}"}`),
      );
      assert.equal((kinds[0] ?? 0) + (kinds[1] ?? 0), tokens * 2);
      const one = tenants[at];
      const named = `moltghost_agent_requests_total{account="${one?.account}",agent="${one?.id}"}`;
      assert.equal(numbers.get(named), s === labelled ? 2 : undefined);
      assert.equal(text.includes(String(one?.id)), s === labelled);
      assert.equal(numbers.get("moltghost_agents_left_out"), s === labelled ? 0 : undefined);
    }
  });
});
