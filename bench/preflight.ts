// One plain and one streamed call of each program before anything is timed: what is measured must be the right
// answer. A gateway may add and reorder fields, so only what every client needs is looked at.

import type { Running } from "./programs/program.ts";
import { logEnd } from "./step.ts";

const CHUNKS = 3;

async function call(running: Running, stream: boolean): Promise<string> {
  const response = await fetch(running.url, {
    method: "POST",
    headers: { ...running.headers, "content-type": "application/json" },
    body: JSON.stringify({
      model: running.model,
      messages: [{ role: "user", content: `bench:chunks=${CHUNKS}` }],
      stream,
    }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`status ${response.status}: ${text.slice(0, 500)}`);
  }
  return text;
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: unknown;
}

/** Throws if an answer is not the upstream's. */
export async function preflight(name: string, running: Running): Promise<void> {
  try {
    const plain = JSON.parse(await call(running, false)) as {
      choices?: { message?: { content?: string } }[];
      usage?: { total_tokens?: number };
    };
    if (
      plain.usage?.total_tokens !== 87 ||
      !plain.choices?.[0]?.message?.content?.includes("quick brown fox")
    ) {
      throw new Error(`not the upstream's answer: ${JSON.stringify(plain).slice(0, 500)}`);
    }
    const streamed = await call(running, true);
    const data = streamed.split("\n").flatMap((line) => (line.startsWith("data: ") ? line.slice(6) : []));
    const chunks = data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text) as Chunk);
    const texts = chunks.filter((chunk) => chunk.choices?.[0]?.delta?.content);
    if (texts.length !== CHUNKS || data.at(-1) !== "[DONE]") {
      throw new Error(`not the upstream's stream: ${streamed.slice(0, 1000)}`);
    }
    if (name === "ours" || name === "twin") {
      if (chunks.some((chunk) => chunk.usage)) {
        throw new Error("the usage chunk, which was not asked for, was passed on");
      }
    }
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: ${what}${logEnd(running.log)}`, { cause: error });
  }
}
