// rolter, a native gateway (Rust), which PyPI carries as a built program. It checks a virtual key, hashed with a
// pepper, as we do; it keeps no count of what was used.

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../tests/harness/ports.ts";
import { fromPyPi } from "../peers/cache.ts";
import { startPeer } from "../peers/start.ts";
import { MODEL, type Program } from "./program.ts";

const VERSION = "0.1.0";
const KEY = "sk-bench-virtual-key";

export const rolter: Program = {
  title: `rolter ${VERSION} (native)`,
  async prepare() {
    await fromPyPi("rolter", VERSION);
  },
  async start({ upstream, folder }) {
    const program = join(await fromPyPi("rolter", VERSION), "bin", "rolter");
    chmodSync(program, 0o755);
    const port = await freePort();
    const config = `
[server]
host = "127.0.0.1"
port = ${port}
key_pepper = "a pepper for the benchmark, 32 bytes"
[[providers]]
name = "upstream"
kind = "openai_compatible"
api_base = "${upstream}"
[[routes]]
model = "${MODEL}"
strategy = "round_robin"
[[routes.targets]]
provider = "upstream"
model = "${MODEL}"
[[virtual_keys]]
name = "bench"
key = "${KEY}"
`;
    writeFileSync(join(folder, "rolter.toml"), config);
    const url = `http://127.0.0.1:${port}`;
    const started = await startPeer("rolter", {
      program,
      args: ["gateway", "--config", "rolter.toml"],
      env: { RUST_LOG: "error" },
      folder,
      probe: `${url}/health`,
    });
    return {
      url: `${url}/v1/chat/completions`,
      headers: { authorization: `Bearer ${KEY}` },
      model: MODEL,
      ...started,
    };
  },
};
