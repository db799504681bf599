// An agent's life as the product's documents tell it, typed into a shell with nothing but the line that `make run`
// prints for the command line: deploy, connect, status, key, curl, stop, start, terminate.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { startPod } from "../fixtures/pod/index.ts";
import { adopt, discard, end, scratch, until } from "../harness/index.ts";

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** What the command line printed, and its user's home. */
class Shell {
  readonly #exports: string;
  readonly home = scratch("home");

  constructor(printed: string) {
    this.#exports = /^export PATH=.*$/m.exec(printed)?.[0] ?? assert.fail(`no line to paste in:\n${printed}`);
  }

  get environment(): NodeJS.ProcessEnv {
    return { HOME: this.home, PATH: process.env.PATH };
  }

  script(text: string): string {
    return `set -euo pipefail\n${this.#exports}\n${text}`;
  }

  run(text: string): Promise<Said> {
    return new Promise((resolve) => {
      execFile("bash", ["-c", this.script(text)], { env: this.environment }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
    });
  }

  /** What a command that must succeed prints. */
  async done(text: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(text);
    assert.equal(code, 0, `${text}: ${code}\n${stdout}${stderr}`);
    return stdout;
  }
}

export async function assertLife(printed: string): Promise<void> {
  const shell = new Shell(printed);
  const pod = await startPod();
  try {
    // The documents' first lines, but for the domain.
    const deployed = await shell.done(
      'AGENT_ID=$(moltghost deploy my-agent)\necho "Endpoint: https://$AGENT_ID.agent.moltghost.io"',
    );
    const [, id] = /^Endpoint: https:\/\/([a-z0-9]{12})\.agent\.moltghost\.io\n$/.exec(deployed) ?? [];
    assert.ok(id !== undefined, deployed);
    assert.equal(await shell.done("moltghost deploy my-agent --quiet"), `${id}\n`);

    const connector = adopt(
      spawn("bash", ["-c", shell.script(`exec moltghost connect my-agent --to ${pod.url}`)], {
        env: shell.environment,
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    let told = "";
    connector.stderr?.on("data", (bytes: Buffer) => {
      told += bytes.toString();
    });
    await until(`the link; so far:\n${told}`, () => /connected to .* serves/.test(told));
    await shell.done("moltghost deploy my-agent --wait");

    const url = (await shell.done("moltghost status my-agent --url")).trimEnd();
    assert.match(url, new RegExp(`^http://${id}\\.agent\\.localhost:\\d+$`));
    const key = await shell.done('moltghost auth create-key --agent my-agent --name "Production API"');
    assert.match(key, /^molti_demo_[0-9A-Za-z]+\n$/);
    assert.match(await shell.done("moltghost auth list-keys"), /Production API +[a-z0-9]{12} +active/);

    /** The documents' call with curl: the status, and what was said. */
    const call = async (): Promise<{ status: string; body: string }> => {
      const printed =
        await shell.done(`curl --silent --noproxy '*' --write-out '\\n%{http_code}' -X POST ${url}/v1/chat \\
-H "Authorization: Bearer ${key.trimEnd()}" \\
-H "Content-Type: application/json" \\
-d '{
"messages": [{"role": "user", "content": "Hello, agent!"}],
"stream": false
}'`);
      const at = printed.lastIndexOf("\n");
      return { status: printed.slice(at + 1), body: printed.slice(0, at) };
    };
    const answered = await call();
    assert.equal(answered.status, "200", answered.body);
    const reply = JSON.parse(answered.body) as { id: string; content: string; usage: { tokens: number } };
    assert.match(reply.id, /^msg_/);
    assert.equal(reply.content, "You said: Hello, agent!");
    assert.ok(reply.usage.tokens > 0);

    await shell.done("moltghost agent stop my-agent");
    const paused = await call();
    assert.equal(paused.status, "503");
    assert.match(paused.body, /"code":"agent_paused"/);
    await shell.done("moltghost agent start my-agent --wait");
    assert.equal((await call()).status, "200");

    await shell.done(`moltghost auth revoke-key ${key.trimEnd()}`);
    assert.equal((await call()).status, "401");
    await shell.done("moltghost agent terminate my-agent --yes");
    assert.equal((await call()).status, "410");
    await end(connector);
  } finally {
    await pod.close();
    discard(shell.home);
  }
}
