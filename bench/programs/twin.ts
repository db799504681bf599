// The twin on raw workerd: our admission and settling in plain JavaScript. See ../twin/worker.js.

import { fileURLToPath } from "node:url";
import { end } from "../../tests/harness/child.ts";
import { startWorkerd } from "../workerd.ts";
import { MODEL, type Program } from "./program.ts";

const SOURCE = fileURLToPath(new URL("../twin/", import.meta.url));

export const twin: Program = {
  title: "twin (JavaScript)",
  async start({ upstream, folder }) {
    const { child, url, log } = await startWorkerd({
      folder,
      source: SOURCE,
      modules: ["worker.js", "object.js", "credential.js", "settlement.js", "usage.js"],
      texts: { KEY_PEPPER: "a pepper for the benchmark, 32 bytes" },
      objects: { AGENT: "AgentTwin" },
    });
    const body = JSON.stringify({ account: "bench", url: upstream });
    const response = await fetch(`${url}/seed`, { method: "POST", body });
    if (!response.ok) {
      await end(child);
      throw new Error(`the twin could not be seeded: ${response.status} ${await response.text()}`);
    }
    const { agent, key } = (await response.json()) as { agent: string; key: string };
    return {
      url: `${url}/agents/${agent}/v1/chat/completions`,
      headers: { authorization: `Bearer ${key}` },
      model: MODEL,
      child,
      log,
    };
  },
};
