// The parts of `make test`, in the order in which they begin. What others wait for comes early, then what is quick and
// fails often; what takes long in one piece comes before what comes in many.

import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../local/step.ts";
import { type Counts, cargoCounts, fuzzCounts, NO_TESTS, nodeCounts } from "./counts.ts";

/** One program of a part. */
export interface Job {
  /** The test file, where a part runs several. */
  name?: string;
  command: string[];
  environment?: NodeJS.ProcessEnv;
  /** How many slots it takes (see pool.ts): what keeps several cores busy takes several. Default: one. */
  slots?: number;
}

/** What is run and counted under one name. */
export interface Part {
  name: string;
  /** What its user reads while it runs. */
  label: string;
  jobs: Job[];
  /** How many tests the output speaks of; a part without tests counts only when it fails. */
  counts: (output: string) => Counts;
  /** Parts without which this one cannot run; it runs after them. */
  needs?: string[];
  /** Parts that must have ended before, whether well or not. */
  after?: string[];
  /** Says why the part cannot run here; it is then left out, and the last lines say so. */
  leftOut?: string;
}

const NATIVE: NodeJS.ProcessEnv = { RUSTUP_TOOLCHAIN: process.env.RUSTUP_TOOLCHAIN_NATIVE };

const FILE_TIMEOUT_MS = "900000";
const FUZZ_SECONDS = process.env.FUZZ_SECONDS ?? "20";

/** Suites that drive Python programs: the official SDK, schemathesis, the LiteLLM proxy. */
const PYTHON = /^tests\/sdk\/|schemathesis|litellm/;
/** Suites that drive a browser. */
const BROWSER = /^tests\/console\//;
/** The suite of the network, which runs against our Worker and against the original. */
const NETWORK = /^tests\/network\//;

function suites(): string[] {
  const patterns = ["tests/**/*.test.ts", "bench/**/*.test.{ts,js}", "scripts/**/*.test.ts"];
  return globSync(patterns, { cwd: ROOT, exclude: ["**/node_modules/**"] }).sort();
}

/**
 * Slots of the files that take long, longest first: they begin before the others. What mostly waits shares a slot; what
 * is about time has one to itself, or more.
 */
const LONG = new Map([
  ["tests/durability/limiter.test.ts", 0.5],
  ["tests/durability/kill.test.ts", 0.5],
  ["tests/tunnel/calls.test.ts", 0.5],
  ["tests/live/node.test.ts", 0.5],
  ["tests/endpoint/early-headers.test.ts", 1],
  ["tests/durability/trap.test.ts", 0.5],
  ["tests/live/attach.test.ts", 0.5],
  ["tests/console/bars.test.ts", 2],
  ["tests/observe/prometheus.test.ts", 0.5],
  ["tests/control/lifecycle.test.ts", 0.5],
  ["tests/lifecycle/provisioner.test.ts", 0.5],
  ["tests/lifecycle/start.test.ts", 0.5],
  ["tests/endpoint/cancellation.test.ts", 1],
]);

function longestFirst(files: string[]): string[] {
  const long = [...LONG.keys()];
  const gone = long.filter((file) => !existsSync(join(ROOT, file)));
  if (gone.length > 0) {
    throw new Error(`scripts/check/parts.ts names test files that are not there: ${gone.join(", ")}`);
  }
  return [...long.filter((file) => files.includes(file)), ...files.filter((file) => !LONG.has(file))];
}

function nodeTests(files: string[], environment: NodeJS.ProcessEnv = {}): Job[] {
  const options = [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-reporter=spec",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
  ];
  return longestFirst(files).map((file) => ({
    name: file,
    command: [process.execPath, ...options, file],
    environment,
    slots: LONG.get(file) ?? 1,
  }));
}

/** Keeps several cores busy most of the time. */
function cargo(...args: string[]): Job {
  return { command: ["cargo", ...args], environment: NATIVE, slots: 2 };
}

function script(name: string, ...args: string[]): string[] {
  return [join(ROOT, "scripts", name), ...args];
}

export function parts(): Part[] {
  const all = suites();
  const python = all.filter((file) => PYTHON.test(file));
  const network = all.filter((file) => NETWORK.test(file));
  const browser = all.filter((file) => BROWSER.test(file));
  const rest = all.filter((file) => ![PYTHON, NETWORK, BROWSER].some((suite) => suite.test(file)));
  const noClippy =
    process.env.RUSTUP_TOOLCHAIN_NATIVE === "debian" ? "Debian's Rust brings no clippy" : undefined;
  return [
    {
      name: "format",
      label: "Rust format",
      jobs: [{ command: ["cargo", "fmt", "--all", "--check"], environment: NATIVE }],
      counts: NO_TESTS,
    },
    {
      name: "biome",
      label: "TypeScript format and lints",
      jobs: [{ command: ["biome", "ci", "--colors=off", "--error-on-warnings", "."] }],
      counts: NO_TESTS,
    },
    {
      name: "build",
      label: "Wasm build",
      jobs: [{ command: script("build-worker") }],
      counts: NO_TESTS,
    },
    {
      name: "types",
      label: "TypeScript types",
      jobs: [{ command: ["tsc", "--project", "."] }],
      counts: NO_TESTS,
    },
    {
      name: "console-types",
      label: "TypeScript types of the console",
      jobs: [{ command: ["tsc", "--project", "console"] }],
      counts: NO_TESTS,
    },
    {
      name: "clippy",
      label: "Rust lints",
      jobs: [cargo("clippy", "--workspace", "--all-targets", "--", "-D", "warnings")],
      counts: NO_TESTS,
      ...(noClippy === undefined ? {} : { leftOut: noClippy }),
    },
    {
      name: "cargo",
      label: "Rust tests",
      jobs: [cargo("test", "--workspace", "--no-fail-fast")],
      counts: cargoCounts,
      after: ["clippy"],
    },
    {
      name: "program",
      label: "the command line",
      jobs: [{ command: script("build-cli") }],
      counts: NO_TESTS,
      after: ["cargo"],
    },
    {
      name: "chromium",
      label: "Chromium for the console's suites",
      jobs: [{ command: script("chromium") }],
      counts: NO_TESTS,
    },
    {
      name: "python-env",
      label: "Python environments",
      jobs: [{ command: script("python-env", "--all") }],
      counts: NO_TESTS,
    },
    {
      name: "size",
      label: "Wasm size",
      jobs: [{ command: script("size", "--check") }],
      counts: NO_TESTS,
      needs: ["build"],
    },
    {
      name: "console-size",
      label: "size of the console",
      jobs: [{ command: script("build-console", "--check") }],
      counts: NO_TESTS,
      after: ["build"],
    },
    {
      name: "python",
      label: `suites with Python programs (${python.length} files)`,
      jobs: nodeTests(python),
      counts: nodeCounts,
      needs: ["build", "program"],
      after: ["python-env"],
    },
    {
      name: "fuzz",
      label: `fuzz targets, ${FUZZ_SECONDS} s each`,
      // One target after the other, in one slot.
      jobs: [
        { command: script("fuzz", FUZZ_SECONDS), environment: { FUZZ_JOBS: "1", CARGO_BUILD_JOBS: "1" } },
      ],
      counts: fuzzCounts,
      after: ["cargo"],
    },
    {
      name: "e2e",
      label: `end-to-end suites on workerd (${rest.length} files)`,
      jobs: nodeTests(rest),
      counts: nodeCounts,
      needs: ["build", "program"],
    },
    {
      name: "console",
      label: `the console in Chromium (${browser.length} files)`,
      jobs: nodeTests(browser),
      counts: nodeCounts,
      needs: ["build"],
      after: ["chromium"],
    },
    {
      name: "network",
      label: `the network's suite on our Worker (${network.length} files)`,
      jobs: nodeTests(network, { NETWORK_TARGETS: "ours" }),
      counts: nodeCounts,
      needs: ["build"],
    },
    {
      name: "original",
      label: `the network's suite on the original (${network.length} files)`,
      jobs: nodeTests(network, { NETWORK_TARGETS: "original" }),
      counts: nodeCounts,
      ...(process.env.MOLTNET_BIN === undefined
        ? { leftOut: "there is neither Go nor MOLTNET_BIN (see docs/moltnet-compatibility.md)" }
        : {}),
    },
  ];
}
