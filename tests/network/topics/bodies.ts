// JSON bodies: one value, at most 1 MiB, of the right shape; everything else is 400 on every route that takes one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";

const MAX_BODY = 1_048_576;

interface BodyRoute {
  name: string;
  method: string;
  path: string;
  /** A body that the route accepts. */
  good: () => Record<string, unknown>;
  status: number;
  /** What the zero request (`null`, `{}`) is answered. */
  zero: number;
  /** Wrongly typed bodies. */
  wrong: unknown[];
}

export function bodies(server: Server): void {
  let room = "";
  const routes: BodyRoute[] = [
    {
      name: "POST /v1/rooms",
      method: "POST",
      path: "/v1/rooms",
      good: () => ({ id: uniqueName("body") }),
      status: 201,
      zero: 422,
      wrong: [
        { id: 1 },
        { id: {} },
        { id: "a", members: "alpha" },
        { id: "a", members: [1] },
        { id: "a", visibility: true },
      ],
    },
    {
      name: "PATCH /v1/rooms/{id}/members",
      method: "PATCH",
      path: "/v1/rooms/ROOM/members",
      good: () => ({ add: ["alpha"] }),
      status: 200,
      zero: 200,
      wrong: [{ add: "alpha" }, { add: { a: 1 } }, { remove: [null, 3] }],
    },
    {
      name: "POST /v1/messages",
      method: "POST",
      path: "/v1/messages",
      good: () => server.message({ room }),
      status: 202,
      zero: 422,
      wrong: [
        { id: 7 },
        { target: "room" },
        { target: [] },
        { from: "alpha" },
        { parts: {} },
        { parts: ["text"] },
        { parts: [{ kind: "data", data: [1] }] },
        { parts: [{ kind: "data", data: "text" }] },
        { mentions: "beta" },
        { mentions: [1] },
        { origin: 1 },
      ],
    },
    {
      name: "POST /v1/agents/register",
      method: "POST",
      path: "/v1/agents/register",
      good: () => ({ requested_agent_id: uniqueName("body") }),
      status: 201,
      zero: 201,
      wrong: [{ requested_agent_id: 1 }, { name: [] }],
    },
    {
      name: "POST /v1/apply",
      method: "POST",
      path: "/v1/apply",
      good: () => ({ rooms: [] }),
      status: 200,
      zero: 200,
      wrong: [{ rooms: {} }, { rooms: ["a"] }, { agents: [{ id: 1 }] }, { network_id: 1 }],
    },
  ];

  describe("bodies", () => {
    const send = (route: BodyRoute, body: string | Uint8Array, headers: Record<string, string> = {}) =>
      server.ask(route.path.replace("ROOM", room), { method: route.method, body, headers });

    it("need a room", async () => {
      room = await server.room();
    });

    for (const route of routes) {
      describe(route.name, () => {
        it("takes one value, with white space around it and under any content type", async () => {
          const json = () => JSON.stringify(route.good());
          for (const [body, type] of [
            [json(), "application/json"],
            [` \r\n\t${json()}\n\n `, "text/plain"],
            [json(), ""],
            [json(), "application/x-www-form-urlencoded"],
          ] as const) {
            const answer = await send(route, body, type === "" ? {} : { "content-type": type });
            assert.equal(answer.status, route.status, `${type}: ${answer.text}`);
          }
        });

        it("ignores fields that it does not know", async () => {
          const body = JSON.stringify({ ...route.good(), nobody_knows: { this: ["field"] } });
          assert.equal((await send(route, body)).status, route.status);
        });

        it("takes null and {} as the request without fields", async () => {
          for (const body of ["null", "{}"]) {
            assert.equal((await send(route, body)).status, route.zero, body);
          }
        });

        it("refuses what is not JSON", async () => {
          for (const body of ["{", '{"id":', "{]", "nope", "{'id':1}", '{"id":"a",}', "\u0000", "\uFEFF{}"]) {
            refused(await send(route, body), 400);
          }
          refused(await send(route, ""), 400, "EOF");
          refused(await send(route, "   "), 400, "EOF");
          refused(await send(route, Buffer.from([0xff, 0xfe, 0x7b, 0x7d])), 400);
        });

        it("refuses other values than objects", async () => {
          for (const body of ["[]", '"text"', "1", "true", "[{}]"]) {
            refused(await send(route, body), 400);
          }
        });

        it("refuses a second value and bytes behind the value", async () => {
          const json = JSON.stringify(route.good());
          refused(await send(route, `${json}{}`), 400, "expected a single JSON object");
          refused(await send(route, `${json} ${json}`), 400, "expected a single JSON object");
          for (const tail of ["x", "]", "}", ","]) {
            refused(await send(route, json + tail), 400);
          }
        });

        it("refuses wrong types", async () => {
          for (const body of route.wrong) {
            const answer = await send(route, JSON.stringify({ ...route.good(), ...(body as object) }));
            refused(answer, 400);
          }
        });

        it("takes 1 MiB, and refuses one byte more", async () => {
          const json = JSON.stringify(route.good());
          const full = await send(route, json + " ".repeat(MAX_BODY - json.length));
          assert.equal(full.status, route.status, full.text.slice(0, 300));
          const more = JSON.stringify(route.good());
          refused(await send(route, more + " ".repeat(MAX_BODY + 1 - more.length)), 400);
        });
      });
    }

    it("may spell field names in any case", async () => {
      const id = uniqueName("case");
      const answer = await server.ask("/v1/rooms", {
        json: { ID: id, Name: "Cased", MEMBERS: ["alpha"], Write_Policy: "operators" },
      });
      assert.equal(ok<{ name: string }>(answer, 201).name, "Cased");
    });

    it("may name a field twice: the last counts, and an object adds to the one before it", async () => {
      const [id, dm_id] = [uniqueName("twice"), uniqueName("dm")];
      const body = `{"id":"other","id":"${id}","Members":["alpha","beta"],"members":["gamma"],"NAME":"a","name":null}`;
      const made = await server.ask("/v1/rooms", { method: "POST", body });
      const { members, name } = ok<{ members: string[]; name: string }>(made, 201);
      assert.deepEqual([members, name], [["gamma"], "a"]);
      const agent = await server.agent();
      const message = `{"target":{"kind":"room","dm_id":"other"},"target":{"kind":"dm","dm_id":"${dm_id}"},
        "target":{"participant_ids":["${agent}","beta"]},"from":{"type":"agent","id":"x"},"from":{"id":"${agent}"},
        "parts":[{"kind":"text","text":"a"},{"kind":"text"}],"parts":[{"kind":"data","data":{"a":{"x":1},"b":1},"data":{"a":{"y":2}}}]}`;
      ok(await server.ask("/v1/messages", { method: "POST", body: message }), 202);
      const path = `/v1/dms/${dm_id}/messages`;
      const { messages } = await server.ok<{ messages: { parts: { text: string; data: unknown }[] }[] }>(
        200,
        path,
      );
      assert.deepEqual(
        messages.map(({ parts }) => parts.map(({ text, data }) => [text, data])),
        [[["a", { a: { y: 2 }, b: 1 }]]],
      );
      for (const wrong of [`{"id":1,"id":"${uniqueName("a")}"}`, `{"id":"${uniqueName("a")}","id":1}`]) {
        refused(await server.ask("/v1/rooms", { method: "POST", body: wrong }), 400);
      }
    });

    it("take null in a list for an empty entry", async () => {
      const id = uniqueName("nulls");
      const made = await server.ask("/v1/rooms", { json: { id, members: [null, "alpha"] } });
      assert.deepEqual(ok<{ members: string[] }>(made, 201).members, ["alpha"]);
      const path = `/v1/rooms/${id}/members`;
      const changed = await server.ask(path, {
        method: "PATCH",
        json: { add: ["beta", null], remove: [null] },
      });
      assert.deepEqual(ok<{ members: string[] }>(changed, 200).members, ["alpha", "beta"]);
      refused(await server.post({ room, parts: [null] }), 422, 'parts[0]: unsupported part kind ""');
    });

    it("that cut a text in the middle of a character are read all the same", async () => {
      const cut = server.message({ room, text: "half \ud83d and whole \ud83e\udd80" });
      const { message_id } = ok<{ message_id: string }>(
        await server.ask("/v1/messages", { body: JSON.stringify(cut), method: "POST" }),
        202,
      );
      const { messages } = await server.ok<{ messages: { id: string; parts: { text: string }[] }[] }>(
        200,
        `/v1/rooms/${room}/messages?limit=500`,
      );
      const said = messages.find(({ id }) => id === message_id)?.parts[0]?.text;
      assert.equal(said, "half \ufffd and whole \ud83e\udd80");
    });

    it("of a message are kept up to 256 KiB as stored", async () => {
      const text = "x".repeat(240 * 1024);
      assert.equal((await server.post({ room, text })).status, 202);
      const large = await server.post({ room, text: "x".repeat(300 * 1024) });
      if (server.differs("message-size", false, true)) {
        refused(large, 422, "message must be 262144 bytes or fewer");
      } else {
        assert.equal(large.status, 202);
      }
    });
  });
}
