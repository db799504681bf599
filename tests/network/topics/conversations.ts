// Threads, direct messages and the artifacts in them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import { ok, refused, type Server } from "../server.ts";
import { NETWORK_ID } from "../setup.ts";
import { history, type MessagePage } from "./messages.ts";

interface Thread {
  id: string;
  network_id: string;
  fqid: string;
  room_id: string;
  parent_message_id?: string;
  message_count: number;
  last_message_at: string;
}

interface Dm {
  id: string;
  network_id: string;
  fqid: string;
  participant_ids: string[];
  message_count: number;
  last_message_at: string;
}

interface Artifact {
  id: string;
  message_id: string;
  part_index: number;
  [field: string]: unknown;
}

export function threads(server: Server): void {
  const thread = (id: string) => server.ok<Thread>(200, `/v1/threads/${id}`);

  describe("threads", () => {
    it("are made by their first message", async () => {
      const room = await server.room();
      const id = uniqueName("thread");
      const target = { kind: "thread", room_id: room, thread_id: id, parent_message_id: "never-seen" };
      refused(await server.ask(`/v1/threads/${id}`), 404, `unknown thread "${id}"`);
      refused(await server.ask(`/v1/threads/${id}/messages`), 404, `unknown thread "${id}"`);
      const first = await server.send({ target });
      assert.deepEqual([first.thread_created, first.dm_created], [true, false]);
      const made = await thread(id);
      assert.deepEqual(made, {
        id,
        network_id: NETWORK_ID,
        fqid: server.fqid("threads", id),
        room_id: room,
        parent_message_id: "never-seen",
        message_count: 1,
        last_message_at: made.last_message_at,
      });
      const second = await server.send({ target: { ...target, parent_message_id: "another" } });
      assert.equal(second.thread_created, false);
      const now = await thread(id);
      assert.equal(now.message_count, 2);
      assert.equal(now.parent_message_id, "never-seen");
      const page = await server.ok<MessagePage>(200, `/v1/threads/${id}/messages`);
      const messages = page.messages ?? [];
      assert.deepEqual(
        messages.map((message) => message.id),
        [first.message_id, second.message_id],
      );
      assert.deepEqual(messages[0]?.target, target);
      assert.equal(now.last_message_at, messages[1]?.created_at);
    });

    it("are found under their id, whatever white space was around it", async () => {
      const room = await server.room();
      const id = uniqueName("thread");
      const target = {
        kind: "thread",
        room_id: room,
        thread_id: ` ${id} `,
        parent_message_id: " never-seen ",
      };
      await server.send({ target });
      const { threads } = await server.ok<{ threads: Thread[] }>(200, `/v1/rooms/${room}/threads`);
      const parent = server.differs("id-spaces", " never-seen ", "never-seen");
      assert.deepEqual(
        threads.map((one) => one.parent_message_id),
        [parent],
      );
      const paths = [`/v1/threads/${id}`, `/v1/threads/%20${id}%20`, `/v1/threads/%20${id}%20/messages`];
      const found = await Promise.all(paths.map(async (path) => (await server.ask(path)).status));
      assert.deepEqual(found, server.differs("id-spaces", [404, 404, 404], [200, 200, 200]));
    });

    it("are listed by their room, sorted by id, and their messages are not in the room's", async () => {
      const room = await server.room();
      const ids = ["c", "a", "b"].map((name) => uniqueName(`thread-${name}`));
      for (const id of ids) {
        await server.send({ target: { kind: "thread", room_id: room, thread_id: id } });
      }
      const page = await server.ok<{ threads: Thread[]; page: unknown }>(200, `/v1/rooms/${room}/threads`);
      assert.deepEqual(
        page.threads.map(({ id }) => id),
        [...ids].sort(),
      );
      assert.deepEqual(page.threads[0], await thread(ids[1] ?? ""));
      assert.deepEqual(page.page, { has_more: false });
      assert.deepEqual(await history(server, room), []);
    });

    it("of a room without any are an empty list", async () => {
      const room = await server.room();
      const page = ok(await server.ask(`/v1/rooms/${room}/threads`));
      assert.deepEqual(page, { threads: [], page: { has_more: false } });
    });

    it("belong to the room of their first message", async () => {
      const [room, other] = [await server.room(), await server.room()];
      const id = uniqueName("thread");
      await server.send({ target: { kind: "thread", room_id: room, thread_id: id } });
      const answer = await server.post({ target: { kind: "thread", room_id: other, thread_id: id } });
      if (server.differs("thread-room", false, true)) {
        refused(answer, 422, /thread/);
        assert.equal((await thread(id)).message_count, 1);
      } else {
        assert.equal(answer.status, 202);
        assert.equal((await thread(id)).message_count, 2);
      }
      assert.equal((await thread(id)).room_id, room);
    });

    it("whose id is posted to 8 rooms at once are made in one of them", async () => {
      const rooms = await Promise.all(Array.from({ length: 8 }, () => server.room()));
      const id = uniqueName("thread");
      const answers = await Promise.all(
        rooms.map((room) => server.post({ target: { kind: "thread", room_id: room, thread_id: id } })),
      );
      const made = answers.map(
        (answer) => answer.status === 202 && answer.json<{ thread_created: boolean }>().thread_created,
      );
      assert.equal(made.filter((one) => one).length, 1);
      const others = answers.map((answer) => answer.status).filter((_, index) => made[index] !== true);
      assert.deepEqual(others, Array(7).fill(server.differs("thread-room", 202, 422)));
      const found = await thread(id);
      assert.equal(found.room_id, rooms[made.indexOf(true)]);
      assert.equal(found.message_count, server.differs("thread-room", 8, 1));
    });

    it("that get their first messages at once are made once", async () => {
      const room = await server.room();
      const id = uniqueName("thread");
      const target = { kind: "thread", room_id: room, thread_id: id };
      const accepted = await Promise.all(Array.from({ length: 8 }, () => server.send({ target })));
      assert.equal(accepted.filter((one) => one.thread_created).length, 1);
      assert.equal((await thread(id)).message_count, 8);
    });
  });
}

export function dms(server: Server): void {
  const dm = (id: string) => server.ok<Dm>(200, `/v1/dms/${id}`);

  describe("direct messages", () => {
    it("make their conversation with the first one", async () => {
      const id = uniqueName("dm");
      const [alpha, beta] = [await server.agent("alpha"), await server.agent("beta")];
      const target = { kind: "dm", dm_id: id, participant_ids: [beta, alpha] };
      const unknown = `unknown direct conversation "${id}"`;
      refused(await server.ask(`/v1/dms/${id}`), 404, unknown);
      refused(await server.ask(`/v1/dms/${id}/messages`), 404, unknown);
      const first = await server.send({ target, from: alpha });
      assert.deepEqual([first.thread_created, first.dm_created], [false, true]);
      const made = await dm(id);
      assert.deepEqual(made, {
        id,
        network_id: NETWORK_ID,
        fqid: server.fqid("dms", id),
        participant_ids: [alpha, beta].sort(),
        message_count: 1,
        last_message_at: made.last_message_at,
      });
      const second = await server.send({ target, from: beta });
      assert.equal(second.dm_created, false);
      const now = await dm(id);
      assert.equal(now.message_count, 2);
      const page = await server.ok<MessagePage>(200, `/v1/dms/${id}/messages`);
      const messages = page.messages ?? [];
      assert.deepEqual(
        messages.map((message) => message.id),
        [first.message_id, second.message_id],
      );
      assert.deepEqual(messages[0]?.target, target);
      assert.equal(now.last_message_at, messages[1]?.created_at);
      const { dms: listed } = await server.ok<{ dms: Dm[] }>(200, "/v1/dms?limit=500");
      const ids = listed.map((one) => one.id);
      assert.ok(ids.includes(id));
      assert.deepEqual(ids, [...ids].sort());
    });

    it("are sent with scoped participants in the network's spelling", async () => {
      const [alpha, beta] = [await server.agent("alpha"), await server.agent("beta")];
      const stored = async (participants: string[]): Promise<unknown> => {
        const id = uniqueName("dm");
        const target = { kind: "dm", dm_id: id, participant_ids: participants };
        await server.send({ target, from: alpha });
        const page = await server.ok<MessagePage>(200, `/v1/dms/${id}/messages`);
        return page.messages?.[0]?.target.participant_ids;
      };
      const scoped = [`local:${alpha}`, `local:${beta}`];
      assert.deepEqual(await stored(scoped), scoped);
      assert.deepEqual(await stored([`molt://local/agents/${alpha}`, `beyond:${beta}`]), [
        `local:${alpha}`,
        `beyond:${beta}`,
      ]);
      assert.deepEqual(await stored([alpha, beta]), [alpha, beta]);
      assert.deepEqual(await stored([alpha, `local:${beta}`]), scoped);
    });

    it("are between 256 at most", async () => {
      const participant_ids = Array.from({ length: 256 }, (_, index) => `participant-${index}`);
      const target = () => ({ kind: "dm", dm_id: uniqueName("dm"), participant_ids });
      await server.send({ target: target(), from: { type: "human", id: "participant-0" } });
      const more = await server.post({ target: target() });
      if (server.differs("most-members", false, true)) {
        refused(more, 422, "a direct conversation must have 256 participants or fewer; begin another");
      } else {
        assert.equal(more.status, 202, more.text);
      }
    });

    it("join a sender to its conversation", async () => {
      const [alpha, beta] = [await server.agent("alpha"), await server.agent("beta")];
      const id = uniqueName("dm");
      const target = { kind: "dm", dm_id: id, participant_ids: [`local:${alpha}`, `local:${beta}`] };
      await server.send({ target, from: alpha });
      const joined = [alpha, `local:${alpha}`, `local:${beta}`];
      assert.deepEqual((await dm(id)).participant_ids, [...joined].sort());
    });

    it("are made once by messages that come at once", async () => {
      const alpha = await server.agent("alpha");
      const target = { kind: "dm", dm_id: uniqueName("dm"), participant_ids: [alpha, "beta"] };
      const accepted = await Promise.all(
        Array.from({ length: 8 }, () => server.send({ target, from: alpha })),
      );
      assert.equal(accepted.filter((one) => one.dm_created).length, 1);
      assert.equal((await dm(target.dm_id)).message_count, 8);
    });

    it("are found under their id, whatever white space was around it", async () => {
      const id = uniqueName("dm");
      const alpha = await server.agent("alpha");
      const target = { kind: "dm", dm_id: ` ${id} `, participant_ids: [alpha, "beta"] };
      await server.send({ target, from: alpha });
      const paths = [`/v1/dms/${id}`, `/v1/dms/%20${id}%20`, `/v1/dms/%20${id}%20/messages`];
      const found = await Promise.all(paths.map(async (path) => (await server.ask(path)).status));
      assert.deepEqual(found, server.differs("id-spaces", [404, 404, 404], [200, 200, 200]));
    });

    it("may not be asked for without an id", async () => {
      refused(await server.ask("/v1/dms/%20"), 422, "dm id is required");
    });
  });
}

export function artifacts(server: Server): void {
  const list = async (query: string): Promise<Artifact[]> =>
    (await server.ok<{ artifacts: Artifact[] }>(200, `/v1/artifacts?${query}`)).artifacts;

  describe("artifacts", () => {
    it("are made of every part that is more than text", async () => {
      const room = await server.room();
      const parts = [
        { kind: "text", text: "only text" },
        { kind: "text", text: "with a file name", filename: "notes.txt" },
        { kind: "text", text: "with a type", media_type: "text/markdown" },
        { kind: "url", url: "https://example.com/a", media_type: "text/html", filename: "a.html" },
        { kind: "data", data: { a: 1 } },
        { kind: "image" },
      ];
      const { message_id } = await server.send({ room, parts });
      const [message] = await history(server, room);
      const expected = parts.flatMap(({ kind, ...part }, part_index) => {
        const { text: _, data: __, ...fields } = part as Record<string, unknown>;
        if (part_index === 0) {
          return [];
        }
        const id = `art_${message_id}_${part_index}`;
        return [
          {
            id,
            network_id: NETWORK_ID,
            fqid: server.fqid("artifacts", id),
            message_id,
            target: { kind: "room", room_id: room },
            part_index,
            kind,
            ...fields,
            created_at: message?.created_at,
          },
        ];
      });
      assert.deepEqual(await list(`room_id=${room}`), expected);
    });

    it("of a room include those of its threads; the other way round they do not", async () => {
      const room = await server.room();
      const parts = [{ kind: "url", url: "https://example.com/" }];
      const thread_id = uniqueName("thread");
      const inRoom = await server.send({ room, parts });
      const inThread = await server.send({ target: { kind: "thread", room_id: room, thread_id }, parts });
      const ids = (found: Artifact[]) => found.map((artifact) => artifact.message_id);
      assert.deepEqual(ids(await list(`room_id=${room}`)), [inRoom.message_id, inThread.message_id]);
      assert.deepEqual(ids(await list(`thread_id=${thread_id}`)), [inThread.message_id]);
    });

    it("of a direct conversation are listed by it", async () => {
      const dm_id = uniqueName("dm");
      const alpha = await server.agent();
      const target = { kind: "dm", dm_id, participant_ids: [alpha, "beta"] };
      const { message_id } = await server.send({
        target,
        from: alpha,
        parts: [{ kind: "file", url: "https://a.example/f" }],
      });
      const found = await list(`dm_id=${dm_id}`);
      assert.deepEqual(
        found.map((artifact) => artifact.id),
        [`art_${message_id}_0`],
      );
    });

    it("are looked for by thread before direct conversation before room", async () => {
      const room = await server.room();
      const thread_id = uniqueName("thread");
      const parts = [{ kind: "url", url: "https://example.com/" }];
      await server.send({ room, parts });
      const inThread = await server.send({ target: { kind: "thread", room_id: room, thread_id }, parts });
      const found = await list(`room_id=${room}&dm_id=none-such&thread_id=${thread_id}`);
      assert.deepEqual(
        found.map((artifact) => artifact.message_id),
        [inThread.message_id],
      );
      assert.deepEqual(await list(`room_id=${room}&dm_id=none-such`), []);
    });

    it("are refused without a filter, and for what is not there", async () => {
      const room = await server.room();
      refused(await server.ask("/v1/artifacts"), 422, "artifact filter is required");
      refused(await server.ask("/v1/artifacts?room_id=%20"), 422, "artifact filter is required");
      refused(await server.ask("/v1/artifacts?room_id=none-such"), 404, 'unknown room "none-such"');
      refused(await server.ask("/v1/artifacts?thread_id=none-such"), 404, 'unknown thread "none-such"');
      refused(
        await server.ask(`/v1/artifacts?room_id=${room}&thread_id=none-such`),
        404,
        'unknown thread "none-such"',
      );
      refused(await server.ask("/v1/artifacts?before=a&after=b"), 422, "before and after cannot both be set");
      assert.deepEqual(ok(await server.ask("/v1/artifacts?dm_id=none-such")), {
        artifacts: [],
        page: { has_more: false },
      });
      assert.deepEqual(await list(`room_id=${room}`), []);
    });
  });
}
