// A Python process that makes calls of the table, one at a time, in an environment with one version of the SDK.

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { adopt, end, ROOT } from "../harness/index.ts";
import type { Call, Outcome } from "./case.ts";

export type PythonVersion = "openai-1" | "openai-3";

/** The interpreter of an environment, which is made if it is not there. */
export function interpreter(name: PythonVersion): string {
  const { stdout, stderr, status } = spawnSync(join(ROOT, "scripts", "python-env"), [name], {
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Error(`scripts/python-env ${name} failed: ${stderr}`);
  }
  return join(stdout.trim(), "bin", "python");
}

/** A running Python SDK. */
export class PythonRunner {
  readonly #child: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #printed = "";

  constructor(version: PythonVersion) {
    this.#child = adopt(
      spawn(interpreter(version), [join(ROOT, "tests", "sdk", "run.py")], {
        stdio: ["pipe", "pipe", "pipe"],
        env: { PATH: process.env.PATH, PYTHONUNBUFFERED: "1" },
      }),
    );
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#printed = (this.#printed + text.toString()).slice(-4_000);
    });
    const { stdout } = this.#child;
    if (stdout === null) {
      throw new Error("the Python process has no output");
    }
    this.#reader = createInterface({ input: stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async #line<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error(`the Python process ended: ${this.#printed}`);
    }
    return JSON.parse(value) as T;
  }

  /** The version of the SDK, which it says first. */
  async version(): Promise<string> {
    return (await this.#line<{ version: string }>()).version;
  }

  /** Makes the call; `url` is the SDK's `base_url`. */
  run(url: string, key: string, call: Call, model: string): Promise<Outcome> {
    this.#child.stdin?.write(`${JSON.stringify({ url, key, call, model })}\n`);
    return this.#line<Outcome>();
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    this.#reader.close();
    await end(this.#child);
  }
}
