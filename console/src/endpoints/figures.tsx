// The last hour of an endpoint in figures, kept fresh while they are looked at.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { words } from "../api/call.ts";
import { type Metrics, type MetricsStep, readMetrics } from "../api/control.ts";
import { Trouble } from "../ui/states.tsx";
import { Chart } from "./chart.tsx";
import { percentile, sum } from "./percentile.ts";
import { Unserved } from "./unserved.tsx";

const MINUTES = 60;
const STEP_SECONDS = 60;
const FRESH_MS = 10_000;

const number = (value: number): string => Math.round(value).toLocaleString();
export const duration = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** A step for each minute, those in which nothing happened included. */
function everyStep({ data }: Metrics): { times: string[]; steps: (MetricsStep | undefined)[] } {
  const end = Math.floor(Date.now() / (STEP_SECONDS * 1_000)) * STEP_SECONDS * 1_000;
  const by = new Map(data.map((step) => [Date.parse(step.time), step]));
  const times = Array.from(
    { length: MINUTES },
    (_, index) => end - (MINUTES - 1 - index) * STEP_SECONDS * 1_000,
  );
  return {
    times: times.map((time) => new Date(time).toISOString()),
    steps: times.map((time) => by.get(time)),
  };
}

const refusals = (step: MetricsStep) =>
  Object.values(step.refused).reduce((total, count) => total + count, 0);
const failures = ({ endings }: MetricsStep) => endings.server_error + endings.lost;

/** The room that figures take, so that nothing moves when they come. */
function Awaited() {
  return (
    <>
      <section class="charts" role="status" aria-label="Loading figures">
        <div class="chart awaited" />
        <div class="chart awaited" />
        <div class="chart awaited" />
      </section>
      <Unserved steps={null} />
    </>
  );
}

export function Figures({ id }: { id: string }) {
  const metrics = useSignal<Metrics | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    let over = false;
    const read = async () => {
      if (document.visibilityState !== "visible") {
        return;
      }
      try {
        const found = await readMetrics(id, MINUTES, STEP_SECONDS);
        if (!over) {
          metrics.value = found;
          problem.value = "";
        }
      } catch (error) {
        problem.value = words(error);
      }
    };
    void read();
    const timer = setInterval(() => void read(), FRESH_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [id]);
  const found = metrics.value;
  if (found === null) {
    return problem.value === "" ? <Awaited /> : <Trouble title="No figures" words={problem.value} />;
  }
  const { times, steps } = everyStep(found);
  const each = <T,>(take: (step: MetricsStep) => T) =>
    steps.map((step) => (step === undefined ? null : take(step)));
  const total = (take: (step: MetricsStep) => number) =>
    found.data.reduce((all, step) => all + take(step), 0);
  const latency = sum(found.data.map((step) => step.latency_ms));
  const quantile = (part: number) => each((step) => percentile(step.latency_ms, found.bounds_ms, part));
  const median = percentile(latency, found.bounds_ms, 0.5);
  return (
    <>
      <section class="charts" aria-label="The last hour">
        <Chart
          title="Requests"
          total={number(total((step) => step.requests))}
          times={times}
          kind="bars"
          format={number}
          series={[
            { name: "served", className: "s1", values: each((step) => step.requests - failures(step)) },
            { name: "failed", className: "s3", values: each(failures) },
            { name: "refused", className: "s2", values: each(refusals) },
          ]}
        />
        <Chart
          title="Latency"
          total={median === null ? "–" : `${duration(median)} median`}
          times={times}
          kind="lines"
          format={duration}
          series={[
            { name: "median", className: "s1", values: quantile(0.5) },
            { name: "95 %", className: "s2", values: quantile(0.95) },
          ]}
        />
        <Chart
          title="Tokens"
          total={number(total((step) => step.prompt_tokens + step.completion_tokens))}
          times={times}
          kind="bars"
          format={number}
          series={[
            { name: "prompt", className: "s2", values: each((step) => step.prompt_tokens) },
            { name: "completion", className: "s1", values: each((step) => step.completion_tokens) },
          ]}
        />
      </section>
      <Unserved steps={found.data} />
    </>
  );
}
