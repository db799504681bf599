// The LiteLLM proxy (Python): one worker process, a master key, its production settings, no database.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../tests/harness/ports.ts";
import { fromPyPi } from "../peers/cache.ts";
import { startPeer } from "../peers/start.ts";
import { MODEL, type Program } from "./program.ts";

export const VERSION = "1.106.2";
const MASTER_KEY = "sk-bench-master-key";

export const litellm: Program = {
  title: `LiteLLM ${VERSION}`,
  async prepare() {
    await fromPyPi("litellm", VERSION, "[proxy]");
  },
  async start({ upstream, folder }) {
    const packages = await fromPyPi("litellm", VERSION, "[proxy]");
    const port = await freePort();
    // JSON is YAML.
    const config = {
      model_list: [
        {
          model_name: MODEL,
          litellm_params: { model: `openai/${MODEL}`, api_base: `${upstream}/v1`, api_key: "sk-bench" },
        },
      ],
      litellm_settings: { telemetry: false, num_retries: 0 },
      general_settings: { master_key: MASTER_KEY },
    };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
    const url = `http://127.0.0.1:${port}`;
    const started = await startPeer("litellm", {
      program: "python3",
      args: [
        join(packages, "bin", "litellm"),
        ...["--config", "config.yaml", "--host", "127.0.0.1", "--port", String(port)],
      ],
      env: {
        PYTHONPATH: packages,
        LITELLM_MODE: "PRODUCTION",
        LITELLM_LOG: "ERROR",
        // Else it asks the network for prices at every start.
        LITELLM_LOCAL_MODEL_COST_MAP: "True",
      },
      folder,
      probe: `${url}/health/liveliness`,
    });
    return {
      url: `${url}/v1/chat/completions`,
      headers: { authorization: `Bearer ${MASTER_KEY}` },
      model: MODEL,
      ...started,
    };
  },
};
