// Other people's programs, installed once outside the checkout and kept by version.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Unavailable } from "../programs/program.ts";
import { runStep } from "../step.ts";

const CACHE =
  process.env.MOLTGHOST_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "moltghost");

/** Where a version of a program is kept. */
export function kept(name: string, version: string): string {
  return join(CACHE, "bench", `${name}-${version}`);
}

/** Installs into a folder of the cache, once: an installation that broke off is made anew. */
async function once(folder: string, install: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) {
    return;
  }
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  try {
    await install(unfinished);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  }
  renameSync(unfinished, folder);
}

/**
 * Python packages, in a folder of their own (`pip --target`), so that it can be moved once it is complete.
 * Returns the folder.
 */
export async function fromPyPi(name: string, version: string, extra = ""): Promise<string> {
  const folder = kept(name, version);
  await once(folder, async (unfinished) => {
    const tools = join(unfinished, "tools");
    await runStep(`A Python environment for ${name}`, "python3", ["-m", "venv", tools]);
    await runStep(`Installing ${name} ${version} (Python)`, join(tools, "bin", "pip"), [
      "install",
      "--quiet",
      "--target",
      join(unfinished, "packages"),
      `${name}${extra}==${version}`,
    ]);
    rmSync(tools, { recursive: true });
  });
  return join(folder, "packages");
}

/** An npm package, with other versions of what it depends on where `overrides` says so. Returns its folder. */
export async function fromNpm(
  name: string,
  version: string,
  overrides: Record<string, string> = {},
): Promise<string> {
  const folder = kept(
    name.replaceAll("/", "-").replaceAll("@", ""),
    [version, ...Object.values(overrides)].join("+"),
  );
  await once(folder, async (unfinished) => {
    writeFileSync(join(unfinished, "package.json"), JSON.stringify({ private: true, overrides }));
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`];
    await runStep(`Installing ${name} ${version} (Node)`, "npm", args, { cwd: unfinished });
  });
  return join(folder, "node_modules", name);
}
