// The same call in the languages that callers use, ready to paste.

export type Language = "curl" | "Python" | "Node";
export const LANGUAGES: readonly Language[] = ["curl", "Python", "Node"];

export interface CallOf {
  /** What the address begins with, without `/v1`. */
  base: string;
  model: string;
  prompt: string;
}

const shell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
/** A text as Python and JavaScript both write it. */
const quoted = (text: string): string => JSON.stringify(text);

/** The call, with the key from the environment: a key pasted into a file stays there. */
export function snippet(language: Language, { base, model, prompt }: CallOf): string {
  switch (language) {
    case "curl": {
      const body = JSON.stringify({
        ...(model !== "" && { model }),
        messages: [{ role: "user", content: prompt }],
        stream: true,
      });
      return `curl -N ${base}/v1/chat/completions \\
  -H "Authorization: Bearer $MOLTGHOST_KEY" \\
  -H "Content-Type: application/json" \\
  -d ${shell(body)}`;
    }
    case "Python":
      return `import os
from openai import OpenAI

client = OpenAI(
    api_key=os.environ["MOLTGHOST_KEY"],
    base_url=${quoted(`${base}/v1`)},
)
stream = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": ${quoted(prompt)}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
    case "Node":
      return `import OpenAI from "openai";

const client = new OpenAI({
  apiKey: process.env.MOLTGHOST_KEY,
  baseURL: ${quoted(`${base}/v1`)},
});
const stream = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: "user", content: ${quoted(prompt)} }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`;
  }
}
