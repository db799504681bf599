// What `make run` prints when all is up: lines to paste as they stand.

import { relative } from "node:path";
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

/** curl resolves `*.localhost` by itself, Python and Node do not: the host form for one, the path form for the others. */
export function lines(
  url: string,
  demo: Demo,
  network: LocalNetwork,
  operatorToken: string,
  log: string,
): string {
  const { port } = new URL(url);
  return `
MoltGhost runs on ${url} (Ctrl-C stops it; log: ${relative(ROOT, log)})

A streaming call with curl:

curl -N http://${demo.agent}.agent.localhost:${port}/v1/chat -H "Authorization: Bearer ${demo.key}" -H "Content-Type: application/json" -d '{"messages":[{"role":"user","content":"Hello, agent!"}],"stream":true}'

The OpenAI SDK for Python (pip install openai):

from openai import OpenAI
client = OpenAI(
    api_key="${demo.key}",
    base_url="${url}/agents/${demo.agent}/v1",
)
response = client.chat.completions.create(
    model="llama3.1-70b",
    messages=[{"role": "user", "content": "Analyze Q4 sales"}],
    stream=True,
)
for chunk in response:
    print(chunk.choices[0].delta.content or "", end="", flush=True)

${networkLines(url, network)}
The control API, with the operator token:

curl -s ${url}/api/v1/agents?account=${demo.account} -H "Authorization: Bearer ${operatorToken}"
`;
}
