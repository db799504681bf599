// A server of somebody else's as the pod: the LiteLLM proxy, whose replies are made up, behind `moltghost connect`.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromPyPi } from "../../bench/peers/cache.ts";
import { startPeer } from "../../bench/peers/start.ts";
import { VERSION } from "../../bench/programs/litellm.ts";
import { ask, end, freePort, type RunningWorker, scratch, startWorker } from "../harness/index.ts";
import { Connector } from "./connector.ts";
import { owner } from "./owner.ts";
import { EXIT, type Terminal } from "./program.ts";

const MASTER_KEY = "sk-master-key-of-the-litellm-suite";
const MODEL = "mocked-model";
const SAID = "Your top deal is Acme Inc worth $500K";

describe("the LiteLLM proxy as a pod", () => {
  let worker: RunningWorker;
  let proxy: ChildProcess;
  let url: string;
  let user: Terminal;
  before(async () => {
    const packages = await fromPyPi("litellm", VERSION, "[proxy]");
    const [folder, port] = [scratch("litellm"), await freePort()];
    const config = {
      model_list: [
        {
          model_name: MODEL,
          litellm_params: { model: `openai/${MODEL}`, api_key: "sk-none", mock_response: SAID },
        },
      ],
      litellm_settings: { telemetry: false, num_retries: 0 },
      general_settings: { master_key: MASTER_KEY },
    };
    // JSON is YAML.
    writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
    url = `http://127.0.0.1:${port}`;
    const program = join(packages, "bin", "litellm");
    const args = [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", String(port)];
    // Else it asks the network for prices at every start.
    const env = { PYTHONPATH: packages, LITELLM_LOG: "ERROR", LITELLM_LOCAL_MODEL_COST_MAP: "True" };
    const started = await startPeer("litellm", {
      program: "python3",
      args,
      env,
      folder,
      probe: `${url}/health/liveliness`,
    });
    proxy = started.child;
    worker = await startWorker();
    user = await owner(worker);
  });
  after(async () => {
    await worker?.stop();
    if (proxy !== undefined) {
      await end(proxy);
    }
  });

  it("is said to be down while its key is missing", async () => {
    await user.done("deploy", "keyless");
    const connector = new Connector(user, ["keyless", "--to", url]);
    const { reason } = await connector.saw("pod_down");
    await connector.kill();
    // Without a database the proxy has another status than 401 for that.
    assert.match(String(reason), /^it answers (401|500)/);
  });

  it("is live, plain and streamed, stops, starts and ends as the documents show", async () => {
    const id = await user.done("deploy", "my-agent");
    const connector = new Connector(
      user,
      ["my-agent", "--to", `${url}/v1`, "--header", "authorization=env:LITELLM_AUTHORIZATION"],
      { LITELLM_AUTHORIZATION: `Bearer ${MASTER_KEY}` },
    );
    assert.deepEqual((await connector.saw("pod")).models, [MODEL]);
    assert.equal(await user.done("deploy", "my-agent", "--wait"), id);
    const key = await user.done("auth", "create-key", "--agent", "my-agent", "--name", "Production API");
    const host = new URL(await user.done("status", "my-agent", "--url")).host;
    const call = (path: string, stream: boolean) =>
      ask(`${worker.url}${path}`, {
        host,
        headers: { authorization: `Bearer ${key}` },
        json: { model: MODEL, messages: [{ role: "user", content: "Analyze this deal" }], stream },
      });
    const plain = await call("/v1/chat", false);
    assert.equal(plain.status, 200, plain.text);
    const reply = plain.json<{ content: string; model: string; usage: { total_tokens: number } }>();
    assert.equal(reply.content, SAID);
    assert.ok(reply.usage.total_tokens > 0);
    const streamed = await call("/v1/chat/completions", true);
    assert.equal(streamed.status, 200, streamed.text);
    const chunks = streamed.text
      .split("\n\n")
      .filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] });
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), SAID);
    assert.match(streamed.text, /data: \[DONE\]\n\n$/);
    const models = await ask(`${worker.url}/v1/models`, {
      host,
      headers: { authorization: `Bearer ${key}` },
    });
    assert.deepEqual(
      models.json<{ data: { id: string }[] }>().data.map(({ id }) => id),
      [MODEL],
    );
    await user.done("agent", "stop", "my-agent");
    assert.equal((await call("/v1/chat", false)).status, 503);
    await user.done("agent", "start", "my-agent", "--wait");
    assert.equal((await call("/v1/chat", false)).status, 200);
    await user.done("agent", "terminate", "my-agent", "--yes");
    assert.equal((await call("/v1/chat", false)).status, 410);
    assert.equal(await connector.ended(), EXIT.notFound);
    assert.ok(!(connector.stdout + connector.stderr).includes(MASTER_KEY));
  });
});
