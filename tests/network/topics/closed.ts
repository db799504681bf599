// A network without direct messages and without humans.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refused, type Server } from "../server.ts";

export function closed(server: Server): void {
  const disabled = "direct messages are disabled for this network";

  describe("without direct messages", () => {
    it("none is sent, whatever else is wrong with it", async () => {
      const target = { kind: "dm", dm_id: "dm-1", participant_ids: ["a", "b"] };
      refused(await server.post({ target, from: "a" }), 403, disabled);
      refused(await server.post({ target: { kind: " dm " }, from: {}, parts: [] }), 403, disabled);
    });

    it("none is read", async () => {
      for (const path of ["/v1/dms", "/v1/dms/x", "/v1/dms/x/messages", "/v1/artifacts?dm_id=x"]) {
        refused(await server.ask(path), 403, disabled);
      }
      refused(await server.ask("/v1/dms?before=a&after=b"), 422, "before and after cannot both be set");
      refused(await server.ask("/v1/artifacts"), 422, "artifact filter is required");
    });
  });

  describe("without humans", () => {
    it("none sends", async () => {
      const room = await server.room();
      const from = { type: "human", id: "operator" };
      refused(await server.post({ room, from }), 403, "human ingress is disabled for this network");
      refused(
        await server.post({ room, from, parts: [] }),
        403,
        "human ingress is disabled for this network",
      );
      assert.equal((await server.post({ room, from: "agent-1" })).status, 202);
    });
  });
}
