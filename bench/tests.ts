// What is measured: the same tests for every program, in this order in every round.

/** Rates that the tests at a fixed offered load use, calls per second. */
export interface Rates {
  plain: number;
  stream: number;
}

export interface Test {
  name: string;
  title: string;
  /** Command and options of the load generator. */
  load(rates: Rates): string[];
  /** The figures that the table shows, in this order. */
  shows: Figure[];
}

/** A figure of a slice; times are milliseconds. */
export type Figure =
  | "p50"
  | "p99"
  | "first50"
  | "first99"
  | "rate"
  | "chunks"
  | "delay50"
  | "delay99"
  | "cpu";

/** Which way a figure is better. */
export const HIGHER_IS_BETTER: ReadonlySet<Figure> = new Set<Figure>(["rate", "chunks"]);

export const FIGURE_TITLES: Record<Figure, string> = {
  p50: "p50 ms",
  p99: "p99 ms",
  first50: "first p50",
  first99: "first p99",
  rate: "calls/s",
  chunks: "chunks/s",
  delay50: "delay p50",
  delay99: "delay p99",
  cpu: "CPU ms",
};

/** Chunks of text in a short stream; they come without a pause, so that the program is the only brake. */
const SHORT = ["--stream", "--chunks", "16"];

export const TESTS: Test[] = [
  {
    name: "plain-1",
    title: "plain, 1 connection",
    load: () => ["closed", "--connections", "1"],
    shows: ["p50", "p99", "cpu"],
  },
  {
    name: "stream-1",
    title: "stream of 16 chunks, 1 connection",
    load: () => ["closed", "--connections", "1", ...SHORT],
    shows: ["p50", "p99", "first50", "first99", "cpu"],
  },
  {
    name: "plain-16",
    title: "plain, 16 connections at a fixed load",
    load: ({ plain }) => ["open", "--connections", "16", "--rate", plain.toFixed(1)],
    shows: ["p50", "p99", "rate"],
  },
  {
    name: "stream-16",
    title: "streams of 16 chunks, 16 connections at a fixed load",
    load: ({ stream }) => ["open", "--connections", "16", "--rate", stream.toFixed(1), ...SHORT],
    shows: ["p50", "p99", "first50", "first99", "rate"],
  },
  {
    name: "plain-max",
    title: "plain, 16 connections, as fast as it goes",
    load: () => ["closed", "--connections", "16"],
    shows: ["rate", "p50", "p99", "cpu"],
  },
  {
    name: "stream-max",
    title: "streams of 16 chunks, 16 connections, as fast as it goes",
    load: () => ["closed", "--connections", "16", ...SHORT],
    shows: ["rate", "p50", "p99", "cpu"],
  },
  {
    name: "one-stream",
    title: "one stream, as fast as it goes",
    load: () => ["closed", "--connections", "1", "--stream", "--chunks", "2000"],
    shows: ["chunks"],
  },
  {
    name: "many-streams",
    title: "64 streams of 60 chunks/s each",
    load: () => ["paced", "--streams", "64", "--rate", "60"],
    shows: ["delay50", "delay99", "chunks"],
  },
];
