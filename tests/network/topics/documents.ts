// What the network says of itself: its document, health, metrics, and the pages for agents who come by.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import type { Server } from "../server.ts";
import { NETWORK_ID, NETWORK_NAME } from "../setup.ts";

interface NetworkDocument {
  id: string;
  name: string;
  version: string;
  product?: string;
  protocols: Record<string, string[]>;
  capabilities: Record<string, unknown>;
  console: { can_send_human: boolean };
  warnings?: { code: string }[];
}

export function networkDocument(server: Server): void {
  describe("the network's document", () => {
    it("says what clients look for", async () => {
      const answer = await server.ok<NetworkDocument>(200, "/v1/network");
      assert.equal(answer.id, NETWORK_ID);
      assert.equal(answer.name, NETWORK_NAME);
      assert.match(answer.version, /^\d+\.\d+\.\d+/);
      assert.equal(answer.product, server.differs("product", undefined, "moltghost"));
      assert.deepEqual(answer.protocols, {
        http: ["moltnet.http.v1"],
        attach: ["moltnet.attach.v1"],
        pair: ["moltnet.pair.v1"],
      });
      assert.deepEqual(answer.capabilities, {
        event_stream: "sse",
        attachment_protocol: "websocket",
        public_read: server.publicRead,
        agent_registration: server.mode === "open" ? "open" : (server.setup.registration ?? "disabled"),
        human_ingress: server.setup.humanIngress ?? true,
        direct_messages: server.setup.directMessages ?? true,
        message_pagination: "cursor",
        pairings: true,
      });
    });

    it("says whether the caller may speak as a human", async () => {
      const can = async (as: string | null): Promise<boolean> =>
        (await server.ok<NetworkDocument>(200, "/v1/network", { as })).console.can_send_human;
      const humans = server.setup.humanIngress ?? true;
      assert.equal(await can("operator"), humans);
      if (server.mode === "none") {
        return;
      }
      assert.equal(await can("observeWrite"), humans);
      assert.equal(await can("attachWrite"), humans);
      assert.equal(await can("observe"), false);
      assert.equal(await can("admin"), false);
      if (server.publicRead) {
        assert.equal(await can(null), false);
        assert.equal(await can("write"), false);
      }
    });
  });

  describe("health", () => {
    it("is told to all", async () => {
      for (const [path, status] of [
        ["/healthz", "ok"],
        ["/readyz", "ready"],
      ] as const) {
        assert.deepEqual(await server.ok(200, path, { as: null }), { status });
      }
    });
  });

  describe("metrics", () => {
    it("are Prometheus text, with every family", async () => {
      await server.ask("/v1/rooms/none-such");
      const answer = await server.ask("/metrics");
      assert.equal(answer.status, 200);
      assert.equal(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
      for (const [family, type] of [
        ["moltnet_http_requests_total", "counter"],
        ["moltnet_http_request_duration_seconds", "histogram"],
        ["moltnet_active_attachments", "gauge"],
        ["moltnet_active_sse_subscribers", "gauge"],
        ["moltnet_relay_total", "counter"],
        ["moltnet_events_dropped_total", "counter"],
        ["moltnet_store_health", "gauge"],
      ]) {
        assert.match(answer.text, new RegExp(`^# HELP ${family} `, "m"));
        assert.match(answer.text, new RegExp(`^# TYPE ${family} ${type}$`, "m"));
      }
    });

    it("count requests by route and status", async () => {
      const count = async (): Promise<number> => {
        const { text } = await server.ask("/metrics");
        const line = text
          .split("\n")
          .find(
            (one) =>
              one.startsWith("moltnet_http_requests_total{") &&
              one.includes('route="GET /v1/rooms/{roomID}"') &&
              one.includes('status="404"') &&
              one.includes('method="GET"'),
          );
        return Number(line?.split(" ").at(-1) ?? 0);
      };
      await server.ask("/v1/rooms/none-such");
      const before = await count();
      for (let times = 0; times < 3; times += 1) {
        await server.ask("/v1/rooms/none-such");
      }
      assert.equal(await count(), before + 3);
    });

    it("name paths that are not there by one label", async () => {
      const path = `/v1/${uniqueName("nowhere")}`;
      await server.ask(path, { method: "DELETE" });
      const { text } = await server.ask("/metrics");
      const own = text.includes(path);
      assert.equal(own, server.differs("route-labels", true, false));
    });
  });
}
