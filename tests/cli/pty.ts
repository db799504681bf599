// A program on a terminal of its own: what a person sees, and what they type.
//
// The terminal is made by util-linux's `script`, which Debian always has; macOS has another of that name.

import { type ChildProcess, spawn } from "node:child_process";
import { adopt, end, hasEnded, until } from "../harness/index.ts";
import { moltghost, type Terminal } from "./program.ts";

/** Whether there are terminals here. */
export const TERMINALS = process.platform === "linux";

/** What takes a line away. */
export const ERASED = "\r\x1b[K";

/** Ctrl-C. */
export const INTERRUPT = "\x03";

/** `moltghost …`, run on a terminal. */
export class OnTerminal {
  readonly #child: ChildProcess;
  /** All that was written to the screen, with its control sequences. */
  screen = "";

  /** `then` is what the shell runs after it. */
  constructor(terminal: Terminal, args: string[], columns = 200, then = "") {
    const quoted = [moltghost(), ...args].map((arg) => `'${arg}'`).join(" ");
    this.#child = adopt(
      spawn(
        "script",
        [
          "-qefc",
          `stty cols ${columns}; ${then === "" ? "exec " : "trap : INT; "}${quoted}${then}`,
          "/dev/null",
        ],
        {
          cwd: terminal.home,
          env: { HOME: terminal.home, PATH: process.env.PATH, TERM: "xterm", ...terminal.environment },
          stdio: ["pipe", "pipe", "inherit"],
        },
      ),
    );
    this.#child.stdout?.on("data", (bytes: Buffer) => {
      this.screen += bytes.toString();
    });
  }

  /** Lines as they stood on the screen one after the other, each without what was taken away again. */
  get shown(): string[] {
    return this.screen.replaceAll(ERASED, "\r\n").split("\r\n");
  }

  /** Waits for a line that fits. */
  sees(pattern: RegExp): Promise<string> {
    return until(`${pattern} on the screen; so far: ${JSON.stringify(this.screen)}`, () =>
      this.shown.find((line) => pattern.test(line)),
    );
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Its exit status. */
  async ended(): Promise<number | null> {
    await until(`the end; so far: ${JSON.stringify(this.screen)}`, () => hasEnded(this.#child), 30_000);
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    await end(this.#child, "SIGKILL");
  }
}
