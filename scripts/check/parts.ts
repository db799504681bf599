// The parts of `make test`, in the order in which they run: what is quick and fails often comes first.

import { globSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../local/step.ts";
import { type Counts, cargoCounts, fuzzCounts, NO_TESTS, nodeCounts } from "./counts.ts";

export interface Part {
  name: string;
  /** What its user reads while it runs. */
  label: string;
  command: string[];
  environment?: NodeJS.ProcessEnv;
  /** How many tests the output speaks of; a part without tests counts only when it fails. */
  counts: (output: string) => Counts;
  /** Whether the built Worker is needed. */
  needsBuild?: boolean;
  /** Whether the built command line is needed. */
  needsProgram?: boolean;
  /** Says why the part cannot run here; it is then left out, and the last lines say so. */
  leftOut?: string;
}

const NATIVE: NodeJS.ProcessEnv = { RUSTUP_TOOLCHAIN: process.env.RUSTUP_TOOLCHAIN_NATIVE };

/** Two test files at a time: more would starve each other's timings on a small machine. */
const CONCURRENCY = "2";
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

function nodeTests(files: string[]): string[] {
  return [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-reporter=spec",
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    ...files,
  ];
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
      command: ["cargo", "fmt", "--all", "--check"],
      environment: NATIVE,
      counts: NO_TESTS,
    },
    {
      name: "biome",
      label: "TypeScript format and lints",
      command: ["biome", "ci", "--colors=off", "."],
      counts: NO_TESTS,
    },
    {
      name: "types",
      label: "TypeScript types",
      command: ["tsc", "--project", "."],
      counts: NO_TESTS,
    },
    {
      name: "console-types",
      label: "TypeScript types of the console",
      command: ["tsc", "--project", "console"],
      counts: NO_TESTS,
    },
    {
      name: "clippy",
      label: "Rust lints",
      command: ["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
      environment: NATIVE,
      counts: NO_TESTS,
      ...(noClippy === undefined ? {} : { leftOut: noClippy }),
    },
    {
      name: "cargo",
      label: "Rust tests",
      command: ["cargo", "test", "--workspace", "--no-fail-fast"],
      environment: NATIVE,
      counts: cargoCounts,
    },
    {
      name: "build",
      label: "Wasm build",
      command: script("build-worker"),
      counts: NO_TESTS,
    },
    {
      name: "program",
      label: "the command line",
      command: script("build-cli"),
      counts: NO_TESTS,
    },
    {
      name: "size",
      label: "Wasm size",
      command: script("size", "--check"),
      counts: NO_TESTS,
      needsBuild: true,
    },
    {
      name: "console-size",
      label: "size of the console",
      command: script("build-console", "--check"),
      counts: NO_TESTS,
    },
    {
      name: "chromium",
      label: "Chromium for the console's suites",
      command: script("chromium"),
      counts: NO_TESTS,
    },
    {
      name: "python-env",
      label: "Python environments",
      command: script("python-env", "--all"),
      counts: NO_TESTS,
    },
    {
      name: "e2e",
      label: `end-to-end suites on workerd (${rest.length} files)`,
      command: nodeTests(rest),
      counts: nodeCounts,
      needsBuild: true,
      needsProgram: true,
    },
    {
      name: "console",
      label: `the console in Chromium (${browser.length} files)`,
      command: nodeTests(browser),
      counts: nodeCounts,
      needsBuild: true,
    },
    {
      name: "network",
      label: `the network's suite on our Worker (${network.length} files)`,
      command: nodeTests(network),
      environment: { NETWORK_TARGETS: "ours" },
      counts: nodeCounts,
      needsBuild: true,
    },
    {
      name: "original",
      label: `the network's suite on the original (${network.length} files)`,
      command: nodeTests(network),
      environment: { NETWORK_TARGETS: "original" },
      counts: nodeCounts,
      ...(process.env.MOLTNET_BIN === undefined
        ? { leftOut: "there is neither Go nor MOLTNET_BIN (see docs/moltnet-compatibility.md)" }
        : {}),
    },
    {
      name: "python",
      label: `suites with Python programs (${python.length} files)`,
      command: nodeTests(python),
      counts: nodeCounts,
      needsBuild: true,
      needsProgram: true,
      ...(python.length === 0 ? { leftOut: "there are none yet" } : {}),
    },
    {
      name: "fuzz",
      label: `fuzz targets, ${FUZZ_SECONDS} s each`,
      command: script("fuzz", FUZZ_SECONDS),
      counts: fuzzCounts,
    },
  ];
}
