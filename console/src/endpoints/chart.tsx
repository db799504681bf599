// A small chart of what happened over time, drawn by hand: bars that stand on each other, or lines.

import { useSignal } from "@preact/signals";
import { clock } from "../ui/time.ts";

export interface Series {
  name: string;
  className: string;
  /** One for each step; `null` where nothing is known. */
  values: readonly (number | null)[];
}

interface ChartProps {
  title: string;
  /** The figure for the whole time. */
  total: string;
  times: readonly string[];
  series: readonly Series[];
  kind: "bars" | "lines";
  format: (value: number) => string;
}

const WIDTH = 600;
const HEIGHT = 96;

function highest(series: readonly Series[], kind: "bars" | "lines", steps: number): number {
  let most = 0;
  for (let at = 0; at < steps; at += 1) {
    const values = series.map(({ values }) => values[at] ?? 0);
    most = Math.max(
      most,
      kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values),
    );
  }
  return most || 1;
}

/** A line through what is known, or a dot for each of them: one alone makes no line. */
function line(values: readonly (number | null)[], top: number, width: number, dots: boolean): string {
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const x = (index + 0.5) * width;
    const y = HEIGHT - (value / top) * HEIGHT;
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}${dots ? "h.01" : ""}`;
    pen = dots ? "M" : "L";
  });
  return path;
}

function Bars({
  series,
  top,
  width,
  steps,
}: {
  series: readonly Series[];
  top: number;
  width: number;
  steps: number;
}) {
  const bars = [];
  for (let at = 0; at < steps; at += 1) {
    let base = HEIGHT;
    for (const { values, className, name } of series) {
      const height = ((values[at] ?? 0) / top) * HEIGHT;
      if (height > 0) {
        base -= height;
        bars.push(
          <rect
            key={`${name}-${String(at)}`}
            class={className}
            x={at * width + width * 0.12}
            width={width * 0.76}
            y={base}
            height={height}
          />,
        );
      }
    }
  }
  return <>{bars}</>;
}

export function Chart({ title, total, times, series, kind, format }: ChartProps) {
  const at = useSignal<number | null>(null);
  const steps = times.length;
  const width = WIDTH / Math.max(1, steps);
  const top = highest(series, kind, steps);
  const here = at.value;
  const time = here === null ? undefined : times[here];
  const known = series.some(({ values }) => values.some((value) => value !== null && value > 0));
  const look = (step: number) => {
    at.value = Math.min(steps - 1, Math.max(0, step));
  };
  const told = (index: number) =>
    series.map(({ name, values }) => `${name} ${format(values[index] ?? 0)}`).join(" · ");
  return (
    <figure class="chart">
      <figcaption>
        <span class="muted">{title}</span>
        <strong>{total}</strong>
        <span class="muted readout" role="status">
          {time === undefined ? "" : `${clock(time)} · ${told(here ?? 0)}`}
        </span>
      </figcaption>
      <span class="scale" aria-hidden="true">
        {known ? format(top) : ""}
      </span>
      <svg
        viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`}
        preserveAspectRatio="none"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: each minute is read by the arrow keys.
        tabIndex={0}
        aria-label={`${title} of the last hour: ${total}. Arrow keys read each minute.`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          look(Math.floor(((event.clientX - box.left) / box.width) * steps));
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
            event.preventDefault();
            look((here ?? steps) + (event.key === "ArrowLeft" ? -1 : 1));
          }
        }}
        onBlur={() => {
          at.value = null;
        }}
        onPointerLeave={() => {
          at.value = null;
        }}
      >
        {here !== null && <rect class="cursor" x={here * width} width={width} y="0" height={HEIGHT} />}
        {kind === "bars" ? (
          <Bars series={series} top={top} width={width} steps={steps} />
        ) : (
          series.flatMap(({ name, className, values }) => [
            <path key={name} class={className} d={line(values, top, width, false)} />,
            <path key={`${name}-dots`} class={`${className} point`} d={line(values, top, width, true)} />,
          ])
        )}
      </svg>
      <div class="axis">
        <span>{times[0] === undefined ? "" : clock(times[0])}</span>
        <span class="legend">
          {series.map(({ name, className }) => (
            <span key={name} class={className}>
              {name}
            </span>
          ))}
        </span>
        <span>now</span>
      </div>
    </figure>
  );
}
