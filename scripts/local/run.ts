// `make run` once the Worker is built: the migrations, the demo pod, the Worker on workerd through
// `wrangler dev`, the demo agent and its key, the connector between the two, and the lines to paste.
// With `--to URL` (`moltghost dev`, `make run TO=…`) a server of the user's takes the place of the demo pod.
//
// Invariant: whichever step fails, and however this ends (Ctrl-C, SIGTERM, a program that dies), nothing
// that was started here goes on running.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Demo, demoAgent, demoServes } from "./demo.ts";
import { document, lines } from "./lines.ts";
import { migrate } from "./migrate.ts";
import { chosenMode, localNetwork, type Mode } from "./network.ts";
import { type Options, options } from "./options.ts";
import { assertFree, chosenPort } from "./port.ts";
import { type Program, start, stopAll } from "./programs.ts";
import { localSecrets } from "./secrets.ts";
import { ROOT, SECRETS, STATE, StepError, say } from "./step.ts";
import { startWrangler } from "./wrangler.ts";

const READY_MS = 120_000;

interface Pod {
  url: string;
  /** Where it was started here. */
  program?: Program;
}

/** The first line that the demo pod prints: `{"port":N}`. */
async function startPod(): Promise<Pod> {
  say("starting the demo pod");
  const program = start("the demo pod", process.execPath, [
    "--disable-warning=ExperimentalWarning",
    join(ROOT, "tests/fixtures/pod/main.ts"),
    "--port",
    "0",
  ]);
  const line = await program.firstLine();
  const { port } = JSON.parse(line) as { port: number };
  return { program, url: `http://127.0.0.1:${port}` };
}

/** The pod's way to its agent, as anybody would run it. That of a user's own server is seen at work. */
function startConnector(url: string, demo: Demo, pod: string, { to, headers, json }: Options): Program {
  const program = process.env.MOLTGHOST_BIN;
  if (program === undefined) {
    throw new StepError("MOLTGHOST_BIN is not set", "Use make run, which builds the command line.");
  }
  const speaks = to !== undefined && !json;
  const args = ["connect", demo.agent, "--to", pod, ...headers.flatMap((header) => ["--header", header])];
  const environment = {
    MOLTGHOST_API: url,
    MOLTGHOST_CONNECT_TOKEN: demo.connectToken,
    // The settings of whoever runs this are another deployment's.
    MOLTGHOST_CONFIG: join(STATE, "connector.json"),
    MOLTGHOST_TOKEN: "",
  };
  return start("the connector", program, speaks ? args : [...args, "--json"], environment, speaks);
}

function startWorker(port: number, mode: Mode): Program {
  return startWrangler(
    "wrangler dev",
    ...["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
    ...["--show-interactive-dev-session=false", "--persist-to", join(STATE, "state")],
    ...["--env-file", SECRETS, "--var", `AUTH:${mode}`, "AGENT_REGISTRATION:token"],
  );
}

async function ready(url: string, worker: Program): Promise<void> {
  const end = performance.now() + READY_MS;
  let last = "it does not answer";
  while (performance.now() < end) {
    worker.assertRunning();
    try {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      if (answer.ok) {
        return;
      }
      last = `it answers ${answer.status}: ${await answer.text()}`;
    } catch {
      // Nothing listens yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new StepError(`the Worker was not ready after ${READY_MS / 1000} s: ${last}`, `See ${worker.log}`);
}

async function main(): Promise<never> {
  const wanted = options();
  const port = chosenPort();
  const mode = chosenMode();
  await assertFree(port);
  const secrets = localSecrets();
  await migrate();
  const pod = wanted.to === undefined ? await startPod() : { url: wanted.to };
  say(`starting the Worker on port ${port}`);
  const worker = startWorker(port, mode);
  const url = `http://127.0.0.1:${port}`;
  await ready(url, worker);
  say(`making the agent ${wanted.agent} and its key`);
  const demo = await demoAgent(url, secrets.OPERATOR_TOKEN, wanted.agent);
  say(`connecting ${pod.url}`);
  const connector = startConnector(url, demo, pod.url, wanted);
  const models = await demoServes(url, secrets.OPERATOR_TOKEN, demo);
  say("making the network's tokens and its first room");
  const network = await localNetwork(url, mode, secrets.OPERATOR_TOKEN, secrets.ADMIN_TOKEN);
  const local = { url, demo, name: wanted.agent, models, network, operatorToken: secrets.OPERATOR_TOKEN };
  if (process.stderr.isTTY) {
    // The connector's own line is there.
    process.stderr.write("\r\x1b[K");
  }
  console.log(wanted.json ? JSON.stringify(document(local), null, 2) : lines(local, worker.log));
  const programs = [worker, connector, ...(pod.program === undefined ? [] : [pod.program])];
  const ended = await Promise.race(programs.map((program) => program.ended));
  throw new StepError(`${ended.name} ended by itself (${ended.how})`, tail(ended.log));
}

function tail(path: string): string {
  return readFileSync(path, "utf8").split("\n").slice(-20).join("\n");
}

let stopping = false;

async function stop(code: number): Promise<never> {
  // A second signal while the programs end changes nothing: they are killed after a grace time anyway.
  if (stopping) {
    return new Promise<never>(() => undefined);
  }
  stopping = true;
  await stopAll();
  process.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    process.stderr.write("\n");
    if (!stopping) {
      say("stopping");
    }
    void stop(0);
  });
}

main().catch(async (error: unknown) => {
  if (stopping) {
    return;
  }
  if (error instanceof StepError) {
    console.error(`✗ ${error.message}`);
    console.error(`  ${error.next.replaceAll("\n", "\n  ")}`);
  } else {
    console.error("✗", error);
  }
  await stop(1);
});
