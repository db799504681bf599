// An observer goes on where it was, whatever happens to the server, and is told where something is missing.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { discard, RawSocket, scratch, until } from "../harness/index.ts";
import { targets } from "../network/against.ts";
import { Server } from "../network/server.ts";
import { BEARER, NETWORK_ID, tokenValue } from "../network/setup.ts";
import { type Observer, observe, refusal } from "./observer.ts";

/** Much less than the time between two keep-alives. */
const SOON_MS = 7_000;

const HUB = `hub:${NETWORK_ID}:0`;

async function on(
  target: "original" | "ours",
  test: (server: Server) => Promise<void>,
  vars: Record<string, string> = {},
): Promise<void> {
  const persist = scratch("live");
  const server = new Server(target, BEARER, { persist, vars });
  try {
    await server.start();
    await test(server);
  } finally {
    await server.stop();
    discard(persist);
  }
}

for (const target of targets()) {
  describe(`${target}, started again`, () => {
    it("goes on after the last event that was seen, or is silent about what was lost", () =>
      on(target, async (server) => {
        const room = await server.room();
        const before = await observe(server);
        const ids = await server.sendMany(3, { room });
        await before.sawMessage(ids[2] ?? "");
        const at = before.events.find(({ message }) => message?.id === ids[0])?.id;
        before.close();
        await server.restart(BEARER);
        const after = await observe(server, { after: at });
        const { message_id } = await server.send({ room });
        await after.sawMessage(message_id);
        const expected = server.differs("durable-replay", [message_id], [ids[1], ids[2], message_id]);
        assert.deepEqual(after.messages, expected);
        after.close();
      }));

    it("tells of the gap where the cursor is not known", () =>
      on(target, async (server) => {
        const observer = await observe(server, { after: "evt_missing" });
        const room = await server.room();
        await observer.saw("the room", (event) => event.room?.id === room);
        const gaps = observer.events.filter(({ type }) => type === "stream.replay_gap").length;
        assert.equal(gaps, server.differs("gap-always", 0, 1));
        observer.close();
      }));
  });
}

if (targets().includes("ours")) {
  describe("an observer of ours", () => {
    it("does not notice that the hub was dropped from memory, or its socket with it", () =>
      on("ours", async (server) => {
        const room = await server.room();
        const observer = await observe(server);
        const ids: string[] = [];
        for (const sockets of ["hibernate", "close", "hibernate", "close"] as const) {
          ids.push(...(await server.sendMany(5, { room })));
          // A hub that nobody follows is told a little later, and may not have begun again.
          await until("the hub's eviction", () =>
            server.worker.evict("Hub", HUB, sockets).then(
              () => true,
              () => false,
            ),
          );
        }
        ids.push(...(await server.sendMany(5, { room })));
        await observer.sawMessage(ids.at(-1) ?? "");
        assert.deepEqual(observer.messages, ids);
        assert.ok(!observer.events.some(({ type }) => type === "stream.replay_gap"));
        observer.close();
      }));

    it("misses nothing over kill -9 in the midst of posts, and sees nothing twice", () =>
      on("ours", async (server) => {
        const room = await server.room();
        let after: string | undefined = (await observeOne(server, room)).last;
        const seen: string[] = [];
        const acknowledged: string[] = [];
        for (let kill = 0; kill < 3; kill += 1) {
          const observer: Observer = await observe(server, { after });
          const posting = post(server, room, `kill-${kill}`, acknowledged);
          const enough = acknowledged.length + 30;
          await until("load", () => acknowledged.length > enough);
          await server.worker.kill9();
          await posting;
          await until("the stream's end", () => observer.ended);
          seen.push(...observer.messages);
          after = observer.events.at(-1)?.id ?? after;
          await server.start();
        }
        const observer = await observe(server, { after });
        const { message_id } = await server.send({ room });
        await observer.sawMessage(message_id);
        seen.push(...observer.messages);
        const stored = await history(server, room);
        assert.deepEqual(seen, stored.slice(stored.indexOf(seen[0] ?? "")));
        for (const id of acknowledged) {
          assert.ok(seen.includes(id), id);
        }
        observer.close();
      }));

    it("is let go once its token is revoked or replaced", () =>
      on("ours", async (server) => {
        const make = (value: string) =>
          server.worker.control("/network/tokens", { json: { id: "passing", value, scopes: ["observe"] } });
        const [first, second] = ["a-token-that-passes-by-1", "a-token-that-passes-by-2"];
        await make(first);
        const one = await observe(server, { as: first });
        const other = await observe(server);
        await make(second);
        await until("the first stream's end", () => one.ended);
        assert.deepEqual(await refusal(server, { as: first }), [401, "unauthorized"]);
        const two = await observe(server, { as: second });
        const gone = await server.worker.control("/network/tokens/passing", { method: "DELETE" });
        assert.equal(gone.status, 200, gone.text);
        await until("the second stream's end", () => two.ended);
        const room = await server.room();
        await other.saw("the room", (event) => event.room?.id === room);
        assert.ok(!other.ended);
        other.close();
      }));

    it("that reads nothing for a while gets everything then, and holds up nobody", () =>
      on("ours", async (server) => {
        const room = await server.room();
        const slow = await RawSocket.open(server.port);
        await slow.write(
          `GET /v1/events/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${tokenValue("observe")}\r\n\r\n`,
        );
        await until("the stream to open", () => slow.text.includes("stream-open"));
        slow.pause();
        const quick = await observe(server);
        const text = "x".repeat(50_000);
        const ids: string[] = [];
        for (let n = 0; n < 60; n += 1) {
          ids.push((await server.send({ room, text: `${n} ${text}` })).message_id);
        }
        await quick.sawMessage(ids.at(-1) ?? "");
        assert.deepEqual(quick.messages, ids);
        slow.resume();
        await until("the slow reader to catch up", () => slow.text.includes(`"${ids.at(-1)}"`));
        const got = [...slow.text.matchAll(/"message":\{"id":"(msg_[^"]+)"/g)].map((match) => match[1]);
        assert.deepEqual(got, ids);
        slow.close();
        quick.close();
      }));

    // A connection that is closed in good order may still be written to: the hub has something written to it when it
    // must refuse somebody.
    it("makes room as soon as its connection breaks or is closed, though nothing happens that could be written to it", () =>
      on(
        "ours",
        async (server) => {
          for (let n = 0; n < 6; n += 1) {
            const reader = await until("room", () => opened(server), SOON_MS);
            assert.deepEqual(await refusal(server, {}), [503, "service_unavailable"]);
            if (n % 2 === 0) {
              reader.reset();
            } else {
              reader.close();
            }
          }
        },
        { STREAMS: "1" },
      ));

    it("is one too many at the network's cap", () =>
      on(
        "ours",
        async (server) => {
          const observers = [await observe(server), await observe(server, { as: "admin" })];
          assert.deepEqual(await refusal(server, { as: "observe" }), [503, "service_unavailable"]);
          const metrics = await server.ask("/metrics", { as: "admin" });
          assert.match(metrics.text, /^moltnet_active_sse_subscribers 2$/m);
          assert.match(metrics.text, /^moltnet_events_dropped_total 0$/m);
          for (const observer of observers) {
            observer.close();
          }
          await until("the streams to be let go", async () =>
            /^moltnet_active_sse_subscribers 0$/m.test((await server.ask("/metrics", { as: "admin" })).text),
          );
        },
        { STREAMS: "2" },
      ));
  });
}

/** A stream that was let in. */
async function opened(server: Server): Promise<RawSocket | undefined> {
  const socket = await RawSocket.open(server.port);
  const head = `host: 127.0.0.1\r\nauthorization: Bearer ${tokenValue("observe")}`;
  await socket.write(`GET /v1/events/stream HTTP/1.1\r\n${head}\r\n\r\n`);
  if ((await socket.waitFor("\r\n\r\n")).startsWith("HTTP/1.1 200")) {
    return socket;
  }
  socket.close();
  return undefined;
}

/** Posts until the server is gone; ids of what was acknowledged are added to a list. */
async function post(server: Server, room: string, prefix: string, acknowledged: string[]): Promise<void> {
  const writer = async (name: string) => {
    for (let n = 0; ; n += 1) {
      const id = `${prefix}-${name}-${n}`;
      try {
        await server.send({ room, id });
      } catch (error) {
        assert.ok(!(error instanceof assert.AssertionError), String(error));
        return;
      }
      acknowledged.push(id);
    }
  };
  await Promise.all(["a", "b", "c", "d"].map(writer));
}

async function observeOne(server: Server, room: string): Promise<Observer> {
  const observer = await observe(server);
  const { message_id } = await server.send({ room });
  await observer.sawMessage(message_id);
  observer.close();
  return observer;
}

async function history(server: Server, room: string): Promise<string[]> {
  const ids: string[] = [];
  for (let before = ""; ; ) {
    const { messages, page } = await server.ok<{
      messages: { id: string }[];
      page: { has_more: boolean; next_before?: string };
    }>(200, `/v1/rooms/${room}/messages?limit=500&before=${before}`);
    ids.unshift(...messages.map(({ id }) => id));
    if (!page.has_more) {
      return ids;
    }
    before = page.next_before ?? assert.fail("a page without a cursor to the rest");
  }
}
