// A script of ours, or wrangler, run to its end.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { WRANGLER_ENVIRONMENT } from "../../scripts/local/wrangler.ts";
import { ROOT } from "../harness/index.ts";

export interface Ended {
  status: number;
  output: string;
}

export function run(command: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...WRANGLER_ENVIRONMENT, ...environment },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ status: code ?? 1, output }));
  });
}

export function wrangler(...args: string[]): Promise<Ended> {
  return run(process.execPath, [
    "--no-warnings",
    join(ROOT, "node_modules/wrangler/wrangler-dist/cli.js"),
    ...args,
  ]);
}
