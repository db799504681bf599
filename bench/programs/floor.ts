// The bare forwarder on raw workerd: the platform's floor. See ../floor/worker.js.

import { fileURLToPath } from "node:url";
import { startWorkerd } from "../workerd.ts";
import { MODEL, type Program } from "./program.ts";

const SOURCE = fileURLToPath(new URL("../floor/", import.meta.url));

export const floor: Program = {
  title: "floor (bare JavaScript)",
  async start({ upstream, folder }) {
    const { child, url, log } = await startWorkerd({
      folder,
      source: SOURCE,
      modules: ["worker.js"],
      texts: { UPSTREAM: upstream },
      objects: { OBJECT: "Floor" },
    });
    return { url: `${url}/v1/chat/completions`, headers: {}, model: MODEL, child, log };
  },
};
