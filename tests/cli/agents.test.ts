// Deploying, showing and ending agents from a terminal, with the outputs that the documents show.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ask, OPERATOR_TOKEN, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type AgentDocument, uniqueName } from "../harness/tenant.ts";
import { newAccount, owner } from "./owner.ts";
import { CONFIG, EXIT, Terminal } from "./program.ts";

const ID = /^[a-z0-9]{12}$/;

describe("agents from a terminal", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let user: Terminal;
  before(async () => {
    [worker, pod] = await together([startWorker(), startPod()]);
    user = await owner(worker);
  });
  after(async () => {
    await worker?.stop();
    await pod?.close();
  });

  /** An agent that runs. */
  async function deployed(): Promise<{ name: string; id: string }> {
    const name = uniqueName("agent");
    return { name, id: await user.done("deploy", name, "--origin", pod.url, "--wait") };
  }

  const health = async (id: string) => (await ask(`${worker.url}/agents/${id}/v1/health`)).status;
  const models = async (id: string) => {
    const key = await user.done("auth", "create-key", "--agent", id, "--name", "probe");
    const headers = { authorization: `Bearer ${key}` };
    return (await ask(`${worker.url}/agents/${id}/v1/models`, { headers })).status;
  };

  it("deploys at once: the id alone on stdout, the next step on stderr, the connect token in a private file", async () => {
    const { code, stdout, stderr } = await user.run(["deploy", "my-agent"]);
    assert.equal(code, 0, stderr);
    const id = stdout.trimEnd();
    assert.match(id, ID);
    assert.equal(stdout, `${id}\n`);
    assert.match(stderr, /moltghost connect my-agent --to http:\/\/127\.0\.0\.1:11434/);
    assert.equal(user.mode(CONFIG), 0o600);
    const kept = JSON.parse(user.read(CONFIG)) as { connect_tokens: Record<string, string> };
    assert.match(kept.connect_tokens[id] ?? "", new RegExp(`^moltc_${id}_`));
    assert.equal(await user.done("deploy", "my-agent"), id, "the same again is the same agent");
  });

  it("deploys in a region, with replicas, as the documents show", async () => {
    const args = ["--region", "ap-southeast-1", "--replicas", "3"];
    const id = await user.done("deploy", "my-agents", ...args);
    assert.match(id, ID);
    assert.equal(await user.done("deploy", "my-agents", ...args), id, "the same again is the same agent");
    const shown = await user.done("agent", "show", "my-agents");
    assert.match(shown, /^region +ap-southeast-1$/m);
    assert.match(shown, /^replicas +3$/m);
    const nowhere = await user.refused(EXIT.usage, "deploy", "x3", "--region", "nowhere");
    assert.equal(nowhere.code, "unknown_region");
    assert.match(nowhere.message, /ap-southeast-1/);
  });

  it("shows the address alone with status --url", async () => {
    const id = await user.done("deploy", "my-agent");
    const { port } = new URL(worker.url);
    assert.equal(await user.done("status", "my-agent", "--url"), `http://${id}.agent.localhost:${port}`);
    const { url } = await user.json<{ url: string }>("status", "my-agent", "--url");
    assert.equal(url, `http://${id}.agent.localhost:${port}`);
  });

  it("waits until an agent runs, and tells its state to people and to programs", async () => {
    const { name, id } = await deployed();
    const shown = await user.done("status", name);
    assert.match(shown, new RegExp(`^name +${name}\nid +${id}\nstate +running, since `));
    const document = await user.json<AgentDocument>("status", name);
    assert.equal(document.state, "running");
    assert.match(await user.done("agent", "show", name), /calls at once +8/);
    const agents = await user.json<{ data: AgentDocument[] }>("agent", "list", "--state", "running");
    assert.ok(agents.data.some((agent) => agent.id === id));
    assert.match(
      await user.done("agent", "list"),
      new RegExp(`^NAME +ID +STATE.*\n(.*\n)*${name} +${id} +running`),
    );
  });

  it("stops, starts and restarts", async () => {
    const { name, id } = await deployed();
    assert.match(await user.done("agent", "stop", name), /paused: its endpoint answers 503/);
    assert.equal(await models(id), 503);
    assert.match(await user.done("agent", "start", name, "--wait"), /is running: http/);
    assert.equal(await models(id), 200);
    assert.match(await user.done("agent", "restart", name, "--wait"), /is running/);
    assert.equal((await user.json<AgentDocument>("agent", "stop", name, "--now")).state, "paused");
    await user.done("agent", "start", name, "--wait");
  });

  it("terminates only when that is said, and for ever", async () => {
    const { name, id } = await deployed();
    const refusal = await user.refused(EXIT.usage, "agent", "terminate", name);
    assert.match(refusal.next ?? "", /--yes/);
    assert.equal(await health(id), 200);
    assert.match(await user.done("agent", "terminate", name, "--yes"), /answers 410/);
    assert.equal(await health(id), 410);
    const gone = await user.refused(EXIT.conflict, "agent", "start", id);
    assert.equal(gone.code, "invalid_state");
  });

  it("gives and takes an alias", async () => {
    const { name, id } = await deployed();
    const alias = uniqueName("alias").toLowerCase();
    await user.done("agent", "alias", name, alias);
    assert.equal((await user.json<AgentDocument>("status", alias)).id, id);
    await user.done("agent", "alias", name, "--remove");
    assert.equal((await user.refused(EXIT.notFound, "status", alias)).code, "agent_not_found");
  });

  it("says what stands against it, and what to do", async () => {
    const { name } = await deployed();
    const taken = await user.refused(EXIT.conflict, "deploy", name, "--replicas", "2");
    assert.equal(taken.code, "name_taken");
    assert.equal(
      (await user.refused(EXIT.usage, "deploy", "x1", "--replicas", "17")).code,
      "invalid_request",
    );
    assert.equal((await user.run(["deploy", ".."])).code, EXIT.usage);
    assert.equal((await user.run(["deploy"])).code, EXIT.usage);
    const missing = await user.refused(EXIT.notFound, "status", "no-such-agent");
    assert.match(missing.next ?? "", /moltghost agent list/);
  });

  it("stops waiting when the agent fails, or the time is over", async () => {
    const name = uniqueName("agent");
    const nobody = "http://127.0.0.1:1";
    const over = await user.run(["deploy", name, "--origin", nobody, "--wait", "--timeout", "1"]);
    assert.equal(over.code, EXIT.waited, over.stderr);
    assert.match(over.stdout.trimEnd(), ID);
    assert.match(over.stderr, /still initializing/);
  });

  it("lets an operator name the account", async () => {
    const account = await newAccount(worker);
    const operator = new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: OPERATOR_TOKEN });
    const id = await operator.done("deploy", `${account}/theirs`);
    assert.equal((await operator.json<AgentDocument>("status", `${account}/theirs`)).id, id);
    assert.match(await operator.done("agent", "list", "--account", account), /theirs/);
    assert.equal((await operator.refused(EXIT.usage, "agent", "list")).code, "invalid_request");
  });

  it("sends headers of an origin that no argument holds", async () => {
    const name = uniqueName("agent");
    const args = ["deploy", name, "--origin", pod.url, "--header", "x-pod-secret=env:POD_SECRET", "--wait"];
    const { code, stderr } = await user.run(args, { env: { POD_SECRET: "a-secret-of-the-pod" } });
    assert.equal(code, 0, stderr);
    const document = await user.json<AgentDocument>("status", name);
    assert.deepEqual(document.origin.header_names, ["x-pod-secret"]);
    await pod.waitFor((request) => request.headers["x-pod-secret"] === "a-secret-of-the-pod");
    const missing = await user.refused(
      EXIT.usage,
      "deploy",
      "x2",
      "--origin",
      pod.url,
      "--header",
      "x-a=env:UNSET_ONE",
    );
    assert.match(missing.message, /UNSET_ONE/);
  });

  it("refuses what the token's role may not do", async () => {
    const viewer = await owner(worker, "viewer");
    assert.equal((await viewer.refused(EXIT.credential, "deploy", "mine")).code, "role_not_allowed");
  });

  it("shows what was used", async () => {
    const { name, id } = await deployed();
    const key = await user.done("auth", "create-key", "--agent", name, "--name", "usage");
    const answer = await ask(`${worker.url}/agents/${id}/v1/chat`, {
      headers: { authorization: `Bearer ${key}` },
      json: { messages: [{ role: "user", content: "Hello, agent!" }] },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.match(
      await user.done("usage", name),
      /^DAY +REQUESTS +PROMPT.*\n\d{4}-\d\d-\d\d +1 +\d+ +\d+ +\d+ +reported$/,
    );
    assert.match(await user.done("usage"), new RegExp(`${name} +${id} +1 +`));
    const { data } = await user.json<{ data: { requests: number }[] }>("usage", name);
    assert.equal(data[0]?.requests, 1);
    assert.equal(
      (await user.refused(EXIT.usage, "usage", name, "--from", "yesterday")).code,
      "invalid_request",
    );
  });
});
