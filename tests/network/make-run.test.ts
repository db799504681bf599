// The original's command line against what `make run` starts, as it starts it: with tokens, and without any.

import { after, before, describe, it } from "node:test";
import { Session } from "../commands/session.ts";
import { discard, freePort, scratch } from "../harness/index.ts";
import { targets } from "./against.ts";
import { MOLTNET, type Running } from "./original.ts";
import { setUp } from "./ours.ts";
import { Server } from "./server.ts";
import { BEARER, NONE, type Setup } from "./setup.ts";
import { commands } from "./topics/cli.ts";

async function makeRun(setup: Setup): Promise<Running> {
  const state = scratch("make-run");
  const session = new Session(state, await freePort(), { AUTH: setup.mode });
  const stop = async (): Promise<void> => {
    await session.end("SIGTERM");
    discard(state);
  };
  try {
    const { operatorToken } = await session.ready();
    const url = `http://127.0.0.1:${session.port}`;
    await setUp(url, operatorToken, setup);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

if (MOLTNET === undefined) {
  describe("the command line against make run", () => {
    it("needs the original's program", { skip: "MOLTNET_BIN is not set" }, () => undefined);
  });
} else if (targets().includes("ours")) {
  for (const setup of [BEARER, NONE]) {
    describe(`make run, ${setup.name}`, () => {
      const server = new Server("ours", setup, {}, makeRun);
      before(() => server.start());
      after(() => server.stop());
      commands(server);
    });
  }
}
