// The OpenAI SDKs that are supported, each as it is published, and what a case expects of them.

import assert from "node:assert/strict";
import { UNICODE_SAMPLE } from "../fixtures/pod/index.ts";
import type { Call, Case, Outcome } from "./case.ts";
import { type NodeVersion, runNode } from "./run-node.ts";
import { PythonRunner, type PythonVersion } from "./run-python.ts";

/** Makes one call; `url` is the SDK's base address. */
export type Run = (url: string, key: string, call: Call, model: string) => Promise<Outcome>;

export interface Sdk {
  language: "node" | "python";
  version: string;
  /** Starts it; several may run at a time. */
  begin(): Promise<{ run: Run; end(): Promise<void> }>;
}

function node(version: NodeVersion): Sdk {
  return {
    language: "node",
    version,
    begin: async () => ({
      run: (url, key, call, model) => runNode(version, url, key, call, model),
      end: async () => undefined,
    }),
  };
}

function python(name: PythonVersion, major: string): Sdk {
  return {
    language: "python",
    version: name,
    begin: async () => {
      const started = new PythonRunner(name);
      const version = await started.version();
      assert.ok(version.startsWith(`${major}.`), `${name} is ${version}`);
      return {
        run: (url, key, call, model) => started.run(url, key, call, model),
        end: async () => started.stop(),
      };
    },
  };
}

export const SDKS: Sdk[] = [
  node("openai-v4"),
  node("openai-v6"),
  node("openai-v7"),
  python("openai-1", "1"),
  python("openai-3", "3"),
];

/** Fails unless the outcome is what the case wants, as far as it says. */
export function expectOutcome(sdk: Sdk, { name, call, wanted }: Case, outcome: Outcome): void {
  const { error, ...rest } = wanted;
  assert.equal(outcome.ok, wanted.ok, JSON.stringify(outcome));
  for (const [member, value] of Object.entries(rest)) {
    assert.deepEqual(outcome[member as keyof Outcome], value, `${member}: ${JSON.stringify(outcome)}`);
  }
  if (wanted.finish === "tool_calls") {
    assert.deepEqual(
      outcome.tools?.map((tool) => tool.name),
      ["look_up"],
    );
    assert.equal(typeof JSON.parse(outcome.tools?.[0]?.arguments ?? ""), "object");
  }
  if (name.includes("multi-byte")) {
    assert.equal(outcome.content, UNICODE_SAMPLE);
  }
  if (call.kind.endsWith("stream") && wanted.ok) {
    assert.ok((outcome.chunks ?? 0) > 2, "the stream came as one chunk");
  }
  if (error !== undefined) {
    const kind = typeof error.class === "string" ? error.class : error.class[sdk.language];
    const { message, ...seen } = outcome.error ?? { message: "" };
    assert.deepEqual(seen, { ...error, class: kind }, JSON.stringify(outcome));
    assert.ok(message.length > 10, message);
  }
  // A stream's head is not shown by every version, nor is that of an error in its midst.
  const shown = ["chat", "text", "response", "model"].includes(call.kind) && wanted.ok;
  if (shown || (error !== undefined && error.status !== null)) {
    assert.match(outcome.request ?? "", /^req_[0-9a-f]{16}$/);
  }
}
