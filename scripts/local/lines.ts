// What `make run` prints when all is up: lines to paste as they stand.

import { dirname, relative } from "node:path";
import type { Demo } from "./demo.ts";
import type { LocalNetwork } from "./network.ts";
import { ROOT } from "./step.ts";

/** How to speak in the network's first room. */
function networkLines(url: string, { mode, room, adminToken, agentsToken }: LocalNetwork): string {
  const header = mode === "none" ? "" : ` -H "Authorization: Bearer ${adminToken}"`;
  const message = JSON.stringify({
    target: { kind: "room", room_id: room },
    from: { type: "human", id: "me" },
    parts: [{ kind: "text", text: "Hello, room!" }],
  });
  const tokens = `
Its tokens: ${adminToken} (observe, write, admin), ${agentsToken} (attach, write; for agents)
`;
  return `The network, which asks ${mode === "none" ? "nobody for a token (AUTH=none)" : "for tokens (AUTH=none make run: for none)"}:

curl -s ${url}/v1/messages${header} -d '${message}'
curl -s ${url}/v1/rooms/${room}/messages${header}

The console, in a browser:

${url}/console/${mode === "none" ? "" : `?access_token=${adminToken}`}
${mode === "none" ? "" : tokens}`;
}

/** All that the lines speak of. */
export interface Local {
  url: string;
  demo: Demo;
  /** The agent's name. */
  name: string;
  /** Models that the agent has. */
  models: string[];
  network: LocalNetwork;
  operatorToken: string;
}

/** curl resolves `*.localhost` by itself, Python and Node do not: the host form for one, the path form for the others. */
function addresses({ url, demo }: Local): { host: string; path: string } {
  const { port } = new URL(url);
  return { host: `http://${demo.agent}.agent.localhost:${port}`, path: `${url}/agents/${demo.agent}` };
}

/** A name may hold blanks. */
function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `'${name}'`;
}

export function lines(local: Local, log: string): string {
  const { url, demo, name, models, network, operatorToken } = local;
  const { host, path } = addresses(local);
  // The demo pod takes any name, as the documents' one.
  const model = name === "demo" ? "llama3.1-70b" : (models[0] ?? "llama3.1-70b");
  const question = {
    ...(name === "demo" || models[0] === undefined ? {} : { model }),
    messages: [{ role: "user", content: "Hello, agent!" }],
    stream: true,
  };
  return `
MoltGhost runs on ${url} (Ctrl-C stops it; log: ${relative(ROOT, log)})

A streaming call with curl:

curl -N ${host}/v1/chat -H "Authorization: Bearer ${demo.key}" -H "Content-Type: application/json" -d '${JSON.stringify(question)}'

The OpenAI SDK for Python (pip install openai):

from openai import OpenAI
client = OpenAI(
    api_key="${demo.key}",
    base_url="${path}/v1",
)
response = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Analyze Q4 sales"}],
    stream=True,
)
for chunk in response:
    print(chunk.choices[0].delta.content or "", end="", flush=True)

The command line (docs/cli.md):

export PATH="${dirname(process.env.MOLTGHOST_BIN ?? "")}:$PATH" MOLTGHOST_API=${url} MOLTGHOST_TOKEN=${demo.token}
moltghost status ${quoted(name)}
moltghost auth create-key --agent ${quoted(name)} --name "Production API"

${networkLines(url, network)}
The control API, with the operator token:

curl -s ${url}/api/v1/agents?account=${demo.account} -H "Authorization: Bearer ${operatorToken}"
`;
}

/** The same for programs. */
export function document(local: Local): unknown {
  const { url, demo, name, models, network, operatorToken } = local;
  const { host, path } = addresses(local);
  return {
    api: url,
    account: demo.account,
    token: demo.token,
    operator_token: operatorToken,
    agent: { id: demo.agent, name, endpoint: host, path_endpoint: path, key: demo.key, models },
    network: { url, mode: network.mode, room: network.room, admin_token: network.adminToken },
  };
}
