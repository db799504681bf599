// Posts of many callers at once, which the room commits together: each gets its own answer, and none depends on
// another's caller.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { targets } from "./against.ts";
import { Server } from "./server.ts";
import { BEARER, tokenValue } from "./setup.ts";

const WRITERS = 32;
const ROUNDS = 10;

if (targets().includes("ours")) {
  describe("posts at the same time", () => {
    const server = new Server("ours", BEARER);
    before(() => server.start());
    after(() => server.stop());

    const message = (room: string, id: string): object => ({
      id,
      target: { kind: "room", room_id: room },
      from: { type: "agent", id: "writer" },
      parts: [{ kind: "text", text: "x" }],
    });
    const ids = async (room: string): Promise<string[]> => {
      const page = await server.ask(`/v1/rooms/${room}/messages?limit=500`, { as: "operator" });
      return page.json<{ messages: { id: string }[] }>().messages.map(({ id }) => id);
    };

    it("each get their own answer", async () => {
      const room = await server.room();
      const other = await server.room();
      const sent = Array.from({ length: WRITERS }, async (_, n) => {
        // Good ones, and what the network, the room or the body's shape refuses.
        const [expected, as, body] = (
          [
            [202, "operator", message(room, `good-${n}`)],
            [202, "operator", message(other, `good-${n}`)],
            [403, "observe", message(room, `bad-${n}`)],
            [404, "operator", message("no-such-room", `bad-${n}`)],
            [422, "operator", { ...message(room, `bad-${n}`), parts: [] }],
            [403, "write", message(room, `bad-${n}`)],
          ] as const
        )[n % 6] ?? [0, "operator", {}];
        const answer = await server.ask("/v1/messages", { as, json: body });
        assert.equal(answer.status, expected, `${n}: ${answer.text}`);
        if (expected === 202) {
          assert.equal(answer.json<{ message_id: string }>().message_id, `good-${n}`);
        }
      });
      await Promise.all(sent);
      const good = (rest: number) =>
        Array.from({ length: WRITERS }, (_, n) => n)
          .filter((n) => n % 6 === rest)
          .map((n) => `good-${n}`);
      assert.deepEqual((await ids(room)).sort(), good(0).sort());
      assert.deepEqual((await ids(other)).sort(), good(1).sort());
    });

    it("do not need the callers of the others", async () => {
      const room = await server.room();
      const url = new URL(server.url);
      const leave = (id: string): Promise<void> =>
        new Promise((resolve, reject) => {
          const body = JSON.stringify(message(room, id));
          const socket = connect(Number(url.port), url.hostname, () => {
            const head = `POST /v1/messages HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${tokenValue("operator")}`;
            socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`, () => {
              socket.destroy();
              resolve();
            });
          });
          socket.once("error", reject);
        });
      const stayed: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const all = Array.from({ length: WRITERS }, async (_, n) => {
          const id = `m-${round}-${n}`;
          if (n % 2 === 0) {
            await leave(id);
            return;
          }
          stayed.push(id);
          const answer = await server.ask("/v1/messages", { as: "operator", json: message(room, id) });
          assert.equal(answer.status, 202, answer.text);
        });
        await Promise.all(all);
      }
      const stored = new Set(await ids(room));
      assert.deepEqual(
        stayed.filter((id) => !stored.has(id)),
        [],
      );
    });
  });
}
