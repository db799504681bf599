// The command line as its users run it: the real program, with a home of its own.
//
// Invariant: nothing of the environment reaches it but what a test gives it; what it prints on stderr holds no secret.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, scratch } from "../harness/index.ts";
import { foundIn, note } from "../harness/issued.ts";

/** How the program ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a failure is with `--json`. */
export interface Refusal {
  error: { message: string; next: string | null; code: string | null; exit_code: number };
}

/** Exit codes, as docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  credential: 3,
  notFound: 4,
  conflict: 5,
  unavailable: 6,
  unreachable: 7,
  waited: 8,
  unhealthy: 9,
} as const;

const DEADLINE_MS = 60_000;

/** Where `cargo build -p moltghost-cli` leaves the program. */
export function moltghost(): string {
  const folder = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  const program = process.env.MOLTGHOST_BIN ?? join(folder, "debug", "moltghost");
  if (!existsSync(program)) {
    throw new Error(`there is no ${program}: run cargo build -p moltghost-cli`);
  }
  return program;
}

/** A home, and the commands that are run in it. */
export class Terminal {
  readonly home = scratch("cli");
  readonly environment: Record<string, string>;

  constructor(environment: Record<string, string> = {}) {
    this.environment = environment;
  }

  /** Runs `moltghost …` without a terminal, whatever comes of it. */
  run(
    args: string[],
    options: { input?: string; env?: Record<string, string> } = {},
    program = moltghost(),
  ): Promise<Ended> {
    const env = { HOME: this.home, PATH: process.env.PATH, ...this.environment, ...options.env };
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        { cwd: this.home, env, timeout: DEADLINE_MS, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => {
          note(200, undefined, stdout);
          assert.deepEqual(foundIn(stderr), [], `stderr tells secrets: ${stderr}`);
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
      // A program that reads nothing may have ended before.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(options.input ?? "");
    });
  }

  /** Runs a command that must succeed; what it printed, without the line's end. */
  async done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    assert.equal(code, 0, `moltghost ${args.join(" ")}: ${code}\n${stdout}\n${stderr}`);
    return stdout.trimEnd();
  }

  /** Runs a command that must succeed, with `--json`. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.done(...args, "--json")) as T;
  }

  /** Runs a command that must fail with this exit code, and say so in both forms; the JSON one. */
  async refused(code: number, ...args: string[]): Promise<Refusal["error"]> {
    const human = await this.run(args);
    assert.equal(human.code, code, `moltghost ${args.join(" ")}: ${human.code}\n${human.stderr}`);
    assert.match(human.stderr, /✗ \S/);
    const { code: again, stderr } = await this.run([...args, "--json"]);
    assert.equal(again, code);
    const line = stderr.trimEnd().split("\n").at(-1) ?? "";
    const { error } = JSON.parse(line) as Refusal;
    assert.equal(error.exit_code, code);
    return error;
  }

  /** A file of the home. */
  path(name: string): string {
    return join(this.home, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  mode(name: string): number {
    return statSync(this.path(name)).mode & 0o777;
  }

  write(name: string, text: string, mode = 0o600): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text, { mode });
  }
}

/** The file of `moltghost login`, below the home. */
export const CONFIG = ".config/moltghost/config.json";
