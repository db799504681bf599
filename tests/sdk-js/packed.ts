// The SDK as npm would publish it: built, packed, and unpacked where a program finds it.

import { execFile } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT, scratch } from "../harness/index.ts";

const execute = promisify(execFile);

/** A folder whose programs may `import "@moltghost/sdk"`. */
export async function withSdk(): Promise<string> {
  const folder = scratch("sdk");
  await execute(join(ROOT, "scripts", "build-sdk"));
  await execute("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: join(ROOT, "sdk") });
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  const installed = join(folder, "node_modules", "@moltghost", "sdk");
  mkdirSync(installed, { recursive: true });
  await execute("tar", ["-xzf", join(folder, archive), "-C", installed, "--strip-components=1"]);
  return folder;
}
