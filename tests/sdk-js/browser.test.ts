// The SDK in Chromium, from a page of another origin: streams over HTTP, and a socket by a ticket.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ROOT, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { type Tenant, tenant } from "../harness/tenant.ts";
import { withSdk } from "./packed.ts";

describe("the SDK in a browser", () => {
  let worker: RunningWorker;
  let pod: Pod;
  let one: Tenant;
  let server: Server;
  let browser: Browser;
  let page: Page;
  before(async () => {
    const program = execFileSync(join(ROOT, "scripts", "chromium"), { encoding: "utf8" }).trim();
    const [running, made, folder, launched] = await together([
      startWorker(),
      startPod(),
      withSdk(),
      chromium.launch({ executablePath: program, args: ["--no-sandbox", "--no-proxy-server"] }),
    ]);
    [worker, pod, browser] = [running, made, launched];
    one = await tenant(worker, pod);
    const module = readFileSync(join(folder, "node_modules", "@moltghost", "sdk", "dist", "index.js"));
    server = createServer(({ url }, response) => {
      response.setHeader("content-type", url === "/sdk.js" ? "text/javascript" : "text/html");
      response.end(url === "/sdk.js" ? module : "<!doctype html><title>page</title>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  after(async () => {
    await browser?.close();
    server?.close();
    await worker?.stop();
    await pod?.close();
  });

  const options = () => ({ agentId: one.id, apiKey: one.key, endpoint: worker.url });

  it("streams", async () => {
    const told = await page.evaluate(
      `(async (options) => {
        const { MoltGhostAgent } = await import("/sdk.js");
        const agent = new MoltGhostAgent(options);
        const texts = [];
        const reply = await agent.chat("Hello, agent!", { stream: true, onChunk: (text) => texts.push(text) });
        return { texts, content: reply.content, tokens: reply.usage.total_tokens, request: reply.requestId };
      })(${JSON.stringify(options())})`,
    );
    const { texts, content, tokens, request } = told as {
      texts: string[];
      content: string;
      tokens: number;
      request: string;
    };
    assert.ok(texts.length > 2, "the text came as one piece");
    assert.equal(texts.join(""), "You said: Hello, agent!");
    assert.equal(content, texts.join(""));
    assert.ok(tokens > 0);
    assert.match(request, /^req_/);
  });

  it("throws typed errors, with what the server says of trying again", async () => {
    const { key } = await one.newKey("narrow", { limits: { rpm: 1 } });
    const told = await page.evaluate(
      `(async (options) => {
        const { MoltGhostAgent, RateLimitError } = await import("/sdk.js");
        const agent = new MoltGhostAgent(options);
        await agent.chat("one");
        const error = await agent.chat("two", { timeoutMs: 1000 }).catch((error) => error);
        return [error instanceof RateLimitError, error.code, error.status, error.retryAfter > 1, !!error.requestId];
      })(${JSON.stringify({ ...options(), apiKey: key })})`,
    );
    assert.deepEqual(told, [true, "rate_limited", 429, true, true]);
  });

  it("talks over a socket, which a ticket opens", async () => {
    const told = await page.evaluate(
      `(async (options) => {
        const { MoltGhostAgent } = await import("/sdk.js");
        const socket = await new MoltGhostAgent(options).connect();
        const [one, two] = await Promise.all([socket.chat("one"), socket.chat("two")]);
        socket.close();
        return [one.content, two.content, (await socket.closed).code];
      })(${JSON.stringify(options())})`,
    );
    assert.deepEqual(told, ["You said: one", "You said: two", 1000]);
  });
});
