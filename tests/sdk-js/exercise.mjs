// What the SDK is for, gone through once on whatever runs it; what comes of it is to be the same everywhere.
// Nothing here may need more than the runtime that is tested has.

import { AuthenticationError, MoltGhostAgent, MoltGhostError } from "@moltghost/sdk";

/** Goes through it with an agent; `WebSocket` is for runtimes that have no class of their own. */
export async function exercise(options, WebSocket) {
  const agent = new MoltGhostAgent(options);
  const plain = await agent.chat("Hello, agent!");
  const pieces = [];
  const streamed = await agent.chat("Hello, agent!", { stream: true, onChunk: (text) => pieces.push(text) });
  let left = "";
  for await (const { content } of agent.chat("Go on", {
    stream: true,
    metadata: { pod: { chunks: 100_000, chunk_delay_ms: 20 } },
  })) {
    left += content;
    if (left !== "") {
      break;
    }
  }
  const tools = await agent.tools("Check inventory levels", { tools: ["crm_query", "warehouse_api"] });
  const models = await agent.models();
  const { status } = await agent.health();
  const wrongKey = `${options.apiKey.slice(0, -1)}${options.apiKey.endsWith("0") ? "1" : "0"}`;
  const refused = await new MoltGhostAgent({ ...options, apiKey: wrongKey })
    .chat("x")
    .catch((error) => error);
  const late = await agent
    .chat("x", { timeoutMs: 300, metadata: { pod: { first_token_delay_ms: 60_000 } } })
    .catch((error) => error);
  const leaving = new AbortController();
  const aborted = agent
    .chat("x", { signal: leaving.signal, metadata: { pod: { first_token_delay_ms: 60_000 } } })
    .catch((error) => error);
  leaving.abort(new Error("left"));
  const nobody = await new MoltGhostAgent({ ...options, endpoint: "http://127.0.0.1:1", maxRetries: 1 })
    .chat("x")
    .catch((error) => error);
  const socket = await agent.connect(WebSocket === undefined ? {} : { WebSocket });
  const [one, two] = await Promise.all([socket.chat("one"), socket.chat("two")]);
  const wrongFrame = await socket.chat([]).catch((error) => error);
  await socket.ping();
  socket.close();
  return {
    plain: [plain.content, plain.usage.total_tokens > 0, /^req_/.test(plain.requestId ?? "")],
    streamed: [streamed.content, pieces.join("") === streamed.content, pieces.length > 2],
    left: left !== "",
    tools: tools.tool_calls.map(({ name }) => name),
    models: models.map(({ id }) => id),
    status,
    refused: [refused instanceof AuthenticationError, refused.code, refused.status],
    late: [late instanceof MoltGhostError, late.code],
    aborted: (await aborted).message,
    nobody: [nobody.name, nobody.code],
    socket: [one.content, two.content, wrongFrame.code, (await socket.closed).code],
  };
}
