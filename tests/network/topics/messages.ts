// Messages: what is stored of them, and every reason to refuse one, in the order in which they are looked for.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import { NETWORK_ID } from "../setup.ts";

export interface Message {
  id: string;
  network_id: string;
  origin: { network_id: string; message_id: string };
  target: Record<string, unknown>;
  from: Record<string, unknown>;
  parts: Record<string, unknown>[];
  mentions?: string[];
  created_at: string;
}

export interface MessagePage {
  messages: Message[] | null;
  page: { has_more: boolean; next_before?: string; next_after?: string };
}

const PATTERN = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
const LENGTH = "id must be 128 characters or fewer";
const GENERATED = {
  original: /^msg_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  ours: /^msg_[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
};

/** The event id of a message, which follows from the message's id. */
export function eventId(messageId: string): string {
  const bytes = createHash("sha256").update(messageId).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `evt_${bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`;
}

/** The newest messages of a room. */
export async function history(server: Server, room: string): Promise<Message[]> {
  return (await server.ok<MessagePage>(200, `/v1/rooms/${room}/messages`)).messages ?? [];
}

export function messages(server: Server): void {
  describe("messages", () => {
    it("are accepted with all five fields, and read at once", async () => {
      const room = await server.room();
      const id = uniqueName("msg");
      const accepted = await server.send({ id, room, text: "first" });
      assert.deepEqual(accepted, {
        message_id: id,
        event_id: eventId(id),
        accepted: true,
        thread_created: false,
        dm_created: false,
      });
      const [message] = await history(server, room);
      assert.ok(message);
      assert.match(message.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
      assert.ok(Math.abs(Date.parse(message.created_at) - Date.now()) < 60_000);
      assert.deepEqual(message, {
        id,
        network_id: NETWORK_ID,
        origin: { network_id: NETWORK_ID, message_id: id },
        target: { kind: "room", room_id: room },
        from: {
          type: "human",
          id: "suite",
          name: "Suite",
          network_id: NETWORK_ID,
          fqid: server.fqid("agents", "suite"),
        },
        parts: [{ kind: "text", text: "first" }],
        created_at: message.created_at,
      });
    });

    it("get an id where they have none, and an event id that follows from it", async () => {
      const room = await server.room();
      for (const id of [undefined, "", "  "]) {
        const accepted = await server.send({ ...(id === undefined ? {} : { id }), room });
        const pattern = server.differs("generated-ids", GENERATED.original, GENERATED.ours);
        assert.match(accepted.message_id, pattern);
        assert.equal(accepted.event_id, eventId(accepted.message_id));
      }
      assert.equal(eventId("msg_1"), "evt_116b88f1-7300-4be5-a05d-f2a87105f095");
    });

    it("keep their parts as they were sent", async () => {
      const room = await server.room();
      const parts = [
        { kind: "text", text: "tabs\t, quotes \" and ' and \\, <tags> & ünïcödé 🦀 \u2028 \u0001" },
        { kind: "text" },
        { kind: "url", url: "https://example.com/a?b=c#d", media_type: "text/html", filename: "a.html" },
        { kind: "url", url: "molt://local/rooms/x" },
        { kind: "data", data: { deep: { list: [1, 2.5, true, null, "x"], empty: {} } } },
        { kind: "file", url: "http://example.com/f", filename: "f.txt" },
        { kind: "image", url: "https://example.com/i.png" },
        { kind: "audio", media_type: "audio/ogg" },
      ];
      await server.send({ room, parts });
      assert.deepEqual((await history(server, room))[0]?.parts, parts);
    });

    it("keep what the target and the origin say", async () => {
      const room = await server.room();
      const target = { kind: "room", room_id: room, parent_message_id: "parent-1" };
      const { message_id } = await server.send({
        target,
        origin: { network_id: "", message_id: "elsewhere" },
      });
      const [message] = await history(server, room);
      assert.deepEqual(message?.target, target);
      assert.deepEqual(message?.origin, { network_id: NETWORK_ID, message_id: "elsewhere" });
      assert.equal(message?.id, message_id);
    });

    it("may have a sender of any type", async () => {
      const room = await server.room();
      for (const type of ["agent", "", "service"]) {
        await server.send({ room, from: { type, id: await server.agent() } });
      }
      const types = (await history(server, room)).map((message) => message.from.type);
      assert.deepEqual(types, ["agent", "", "service"]);
    });

    it("carry the sender's registered name and its own full name", async () => {
      const room = await server.room();
      const id = uniqueName("agent");
      await server.register(id, { name: "Registered" });
      const from = { type: "agent", id, name: "Claimed", fqid: server.fqid("agents", "somebody-else") };
      await server.send({ room, from });
      const [message] = await history(server, room);
      const better = { name: "Registered", fqid: server.fqid("agents", id) };
      const expected = server.differs("sender-names", { name: from.name, fqid: from.fqid }, better);
      assert.deepEqual({ name: message?.from.name, fqid: message?.from.fqid }, expected);
    });

    it("of one room come in the order in which they were accepted", async () => {
      const room = await server.room();
      const ids = await server.sendMany(12, { room });
      assert.deepEqual(
        (await history(server, room)).map((message) => message.id),
        ids,
      );
    });

    it("that come at the same moment are all there, once", async () => {
      const room = await server.room();
      const accepted = await Promise.all(Array.from({ length: 24 }, () => server.send({ room })));
      const stored = (await history(server, room)).map((message) => message.id);
      assert.deepEqual([...stored].sort(), accepted.map(({ message_id }) => message_id).sort());
    });

    it("may have an id of 128 characters", async () => {
      const room = await server.room();
      const id = uniqueName("msg").padEnd(128, "x");
      assert.equal((await server.send({ id, room })).message_id, id);
      refused(await server.post({ id: `${id}x`, room }), 422, LENGTH);
    });
  });

  describe("messages are refused", () => {
    const target = { kind: "room", room_id: "none-such" };
    const text = [{ kind: "text", text: "x" }];
    const part = (value: Record<string, unknown>) => ({ target, parts: [...text, value] });

    const rows: [string, Record<string, unknown>, string][] = [
      ["without a sender", { from: {}, target }, "from.id is required"],
      ["from a blank sender", { from: { type: "agent", id: "  " }, target }, "from.id is required"],
      ["without parts", { parts: [], target }, "parts must not be empty"],
      ["without a part list", { parts: null, target }, "parts must not be empty"],
      ["with a part of another kind", part({ kind: "video" }), 'parts[1]: unsupported part kind "video"'],
      ["with a part without a kind", part({ text: "x" }), 'parts[1]: unsupported part kind ""'],
      ["with a part of a kind in capitals", part({ kind: "Text" }), 'parts[1]: unsupported part kind "Text"'],
      [
        "with a script URL",
        part({ kind: "url", url: "javascript:x" }),
        'parts[1]: url scheme "javascript" is unsupported',
      ],
      [
        "with a file URL",
        part({ kind: "file", url: "file:///etc" }),
        'parts[1]: url scheme "file" is unsupported',
      ],
      [
        "with a URL without a scheme",
        part({ kind: "url", url: "example.com/x" }),
        'parts[1]: url scheme "" is unsupported',
      ],
      [
        "with a URL without a host",
        part({ kind: "url", url: "https:///x" }),
        "parts[1]: url host is required",
      ],
      [
        "with a URL whose host cannot be read",
        part({ kind: "url", url: "http://%zz/" }),
        'parts[1]: url is invalid: parse "http://%zz/": invalid URL escape "%zz"',
      ],
      [
        "with a URL whose path cannot be read",
        part({ kind: "url", url: "http://a/%4" }),
        'parts[1]: url is invalid: parse "http://a/%4": invalid URL escape "%4"',
      ],
      [
        "with a URL whose host holds a space",
        part({ kind: "url", url: "http://a b/#x" }),
        'parts[1]: url is invalid: parse "http://a b/": invalid character " " in host name',
      ],
      [
        "with a URL whose port is no number",
        part({ kind: "url", url: "http://a:1:b/" }),
        'parts[1]: url is invalid: parse "http://a:1:b/": invalid port ":b" after host',
      ],
      [
        "with a URL whose bracket is not closed",
        part({ kind: "url", url: "http://[::1" }),
        "parts[1]: url is invalid: parse \"http://[::1\": missing ']' in host",
      ],
      [
        "with a URL whose scheme begins with a digit",
        part({ kind: "url", url: "1http://a" }),
        'parts[1]: url is invalid: parse "1http://a": first path segment in URL cannot contain colon',
      ],
      ["with a bad id", { id: "a b", target }, PATTERN],
      ["without a target", { target: {} }, 'unsupported target kind ""'],
      ["to another kind of target", { target: { kind: "group" } }, 'unsupported target kind "group"'],
      [
        "to a room without an id",
        { target: { kind: "room" } },
        "target.room_id is required for room messages",
      ],
      ["to a bad room", { target: { kind: "room", room_id: "a b" } }, `target.room_id room id ${PATTERN}`],
      [
        "to a thread without an id",
        { target: { kind: "thread", room_id: "r" } },
        "target.thread_id is required for thread messages",
      ],
      [
        "to a thread without a room",
        { target: { kind: "thread", thread_id: "t" } },
        "target.room_id is required for thread messages",
      ],
      [
        "to a thread of a bad room",
        { target: { kind: "thread", thread_id: "t", room_id: "-" } },
        `target.room_id room id ${PATTERN}`,
      ],
      [
        "to a bad thread",
        { target: { kind: "thread", thread_id: "-", room_id: "r" } },
        `target.thread_id ${PATTERN}`,
      ],
      [
        "under a bad parent",
        { target: { kind: "thread", thread_id: "t", room_id: "r", parent_message_id: "-" } },
        `target.parent_message_id ${PATTERN}`,
      ],
      [
        "to a DM without an id",
        { target: { kind: "dm", participant_ids: ["a", "b"] } },
        "target.dm_id is required for direct messages",
      ],
      [
        "to a DM of one",
        { target: { kind: "dm", dm_id: "d", participant_ids: ["a", " a "] } },
        "target.participant_ids must declare at least two direct-message participants",
      ],
      [
        "to a bad DM",
        { target: { kind: "dm", dm_id: "-", participant_ids: ["a", "b"] } },
        `target.dm_id ${PATTERN}`,
      ],
      [
        "to a DM with a bad participant",
        { target: { kind: "dm", dm_id: "d", participant_ids: ["a", "b b"] } },
        `target.participant_ids[1] ${PATTERN}`,
      ],
      [
        "to a DM of too many",
        {
          target: { kind: "dm", dm_id: "d", participant_ids: Array.from({ length: 257 }, (_, n) => `p${n}`) },
        },
        "target.participant_ids must contain 256 IDs or fewer",
      ],
      ["to an unknown room", { target }, 'unknown room "none-such"'],
    ];
    for (const [name, sending, expected] of rows) {
      it(name, async () => {
        const status = expected.startsWith("unknown room") ? 404 : 422;
        refused(await server.post(sending), status, expected);
      });
    }

    it("from senders with a bad id", async () => {
      for (const [id, text] of [
        ["a b", `from.id ${PATTERN}`],
        ["x".repeat(129), `from.id ${LENGTH}`],
        ["molt://local/agents/", `from.id ${PATTERN}`],
        [":a", `from.id ${PATTERN}`],
        ["-:a", `from.id network id ${PATTERN}`],
      ] as const) {
        refused(await server.post({ from: { type: "human", id }, target }), 422, text);
      }
    });

    it("to unknown threads' rooms", async () => {
      const posted = await server.post({
        target: { kind: "thread", room_id: "none-such", thread_id: "t-1" },
      });
      refused(posted, 404, 'unknown room "none-such"');
    });

    it("for the first reason that holds", async () => {
      const bad = { id: "a b", from: {}, parts: [], target: { kind: "x" } };
      refused(await server.post(bad), 422, "from.id is required");
      refused(
        await server.post({ ...bad, from: { type: "human", id: "suite" } }),
        422,
        "parts must not be empty",
      );
      const kind = { ...bad, from: { type: "human", id: "suite" }, parts: [{ kind: "x" }] };
      refused(await server.post(kind), 422, 'parts[0]: unsupported part kind "x"');
      refused(await server.post({ ...kind, parts: text }), 422, PATTERN);
      refused(await server.post({ ...kind, parts: text, id: "ok" }), 422, 'unsupported target kind "x"');
    });

    it("without a trace", async () => {
      const room = await server.room();
      await server.post({ room, parts: [] });
      await server.post({ room, id: "a b" });
      assert.deepEqual(await history(server, room), []);
      const answer = await server.ask(`/v1/rooms/${room}/messages`);
      assert.deepEqual(ok(answer), { messages: [], page: { has_more: false } });
    });
  });
}
