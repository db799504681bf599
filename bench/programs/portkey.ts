// The Portkey gateway (TypeScript on Node). It checks no key of its own: the caller's goes to the provider.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../tests/harness/ports.ts";
import { fromNpm } from "../peers/cache.ts";
import { startPeer } from "../peers/start.ts";
import { MODEL, type Program } from "./program.ts";

const PACKAGE = "@portkey-ai/gateway";
const VERSION = "1.15.2";
/** With newer ones its streams fail: it changes headers that they hold to be immutable (issue 1389 of its repository). */
const OVERRIDES = { "@hono/node-server": "1.13.8" };
const LOOPBACK = fileURLToPath(new URL("../peers/loopback.mjs", import.meta.url));

export const portkey: Program = {
  title: `Portkey ${VERSION}`,
  async prepare() {
    await fromNpm(PACKAGE, VERSION, OVERRIDES);
  },
  async start({ upstream, folder }) {
    const installed = await fromNpm(PACKAGE, VERSION, OVERRIDES);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const started = await startPeer("portkey", {
      program: process.execPath,
      args: [
        ...["--import", LOOPBACK, join(installed, "build", "start-server.js")],
        ...["--headless", `--port=${port}`],
      ],
      env: { NODE_ENV: "production" },
      folder,
      probe: `${url}/`,
    });
    return {
      url: `${url}/v1/chat/completions`,
      headers: {
        authorization: "Bearer sk-bench",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": `${upstream}/v1`,
      },
      model: MODEL,
      ...started,
    };
  },
};
