// What the network's document warns of: each from a real cause.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../harness/index.ts";
import type { WorkerOptions } from "../harness/worker.ts";
import { Attached } from "../live/attached.ts";
import { targets } from "./against.ts";
import { Server } from "./server.ts";
import { BEARER, NONE, type Setup } from "./setup.ts";

interface Warning {
  severity: string;
  code: string;
  message: string;
  action: string;
}

async function warned(
  setup: Setup,
  options: WorkerOptions,
  code: string,
  prepare: (server: Server) => Promise<unknown> = async () => undefined,
): Promise<Warning[]> {
  const server = new Server("ours", setup, options);
  await server.start();
  try {
    await prepare(server);
    return await until(code, async () => {
      const { warnings = [] } = await server.ok<{ warnings?: Warning[] }>(200, "/v1/network");
      const found = warnings.filter((warning) => warning.code === code);
      return found.length > 0 ? found : undefined;
    });
  } finally {
    await server.stop();
  }
}

if (targets().includes("ours")) {
  describe("warnings", () => {
    it("tell that everybody may do everything", async () => {
      const vars = { ALLOW_UNAUTHENTICATED: "yes" };
      const [warning] = await warned(NONE, { vars }, "config.insecure_auth");
      assert.equal(warning?.severity, "error");
    });

    it("tell that the directory in D1 is behind", async () => {
      await warned(BEARER, { d1: "down" }, "storage.d1.lag", (server) => server.room());
    });

    it("tell that D1 lacks migrations, and which database", async () => {
      const found = await warned(BEARER, {}, "schema.migration_pending", async (server) => {
        await server.worker.d1("DELETE FROM d1_migrations WHERE id = (SELECT max(id) FROM d1_migrations)");
        await server.worker.searched("DROP TABLE d1_migrations");
      });
      assert.deepEqual(
        found.map(({ message }) => /database (\w+) lacks 1 of \d migrations/.exec(message)?.[1]),
        ["DB", "SEARCH"],
      );
    });

    it("tell that D1 is filling up", async () => {
      const found = await warned(BEARER, { vars: { D1_SIZE_WARNING: "4096" } }, "storage.d1.size");
      assert.match(found[0]?.message ?? "", /^The D1 database DB has \d{5,} bytes; 4096 are set/);
    });

    it("tell that agents are attached who are in no room", async () => {
      const found = await warned(BEARER, {}, "attachments.roomless", async (server) => {
        await server.room({ members: ["member"] });
        await Attached.ready(server, "member");
        await Attached.ready(server, "lonely");
      });
      assert.equal(found[0]?.message, "1 attached agent is in no room.");
    });

    it("are none where nothing is wrong", async () => {
      const server = new Server("ours", BEARER);
      await server.start();
      try {
        for (let times = 0; times < 3; times += 1) {
          const { warnings } = await server.ok<{ warnings?: Warning[] }>(200, "/v1/network");
          assert.equal(warnings, undefined);
        }
      } finally {
        await server.stop();
      }
    });
  });
}
