// The original's command line, run in a workspace of its own.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scratch } from "../harness/index.ts";
import { MOLTNET } from "./original.ts";

/** How a command ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const DEADLINE_MS = 30_000;

/** A workspace, and the commands that are run in it. */
export class CommandLine {
  readonly folder = scratch("moltnet-cli");
  readonly #environment: Record<string, string>;

  constructor(environment: Record<string, string> = {}) {
    this.#environment = environment;
  }

  /** Runs `moltnet …`, whatever it says. */
  run(...args: string[]): Promise<Ended> {
    if (MOLTNET === undefined) {
      throw new Error("MOLTNET_BIN is not set");
    }
    const program = MOLTNET;
    return new Promise((resolve) => {
      const options = {
        cwd: this.folder,
        env: { HOME: this.folder, PATH: process.env.PATH, ...this.#environment },
        timeout: DEADLINE_MS,
      };
      execFile(program, args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  }

  /** Runs a command that must succeed; what it printed. */
  async done(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) {
      throw new Error(`moltnet ${args.join(" ")}: ${code}\n${stdout}\n${stderr}`);
    }
    return stdout;
  }

  /** Runs a command that must succeed and print JSON. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.done(...args)) as T;
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
  }
}
