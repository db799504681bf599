// Mentions: who is meant by a message's explicit list and by its text.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../harness/tenant.ts";
import type { Server } from "../server.ts";
import { history, type MessagePage } from "./messages.ts";

const local = (id: string) => `molt://local/agents/${id}`;
const away = (id: string) => `molt://away/agents/${id}`;

export function mentions(server: Server): void {
  let room = "";
  const mentioned = async (
    text: string,
    explicit?: string[],
    parts?: unknown,
  ): Promise<string[] | undefined> => {
    await server.send({
      room,
      text,
      ...(explicit === undefined ? {} : { mentions: explicit }),
      ...(parts === undefined ? {} : { parts }),
    });
    return (await history(server, room)).at(-1)?.mentions;
  };

  describe("mentions", () => {
    it("need a room with members", async () => {
      room = await server.room({
        members: [
          "alpha",
          "beta",
          "d.e_f-g",
          "away:gamma",
          "away:twin",
          "twin",
          "molt://beyond/agents/delta",
        ],
      });
    });

    const rows: [string, string, string[] | undefined][] = [
      ["a bare member", "@beta hello", [local("beta")]],
      ["two members in their order", "hello @beta and @alpha", [local("beta"), local("alpha")]],
      ["a member once", "@beta @beta @local:beta", [local("beta")]],
      ["a member with every allowed character", "to @d.e_f-g now", [local("d.e_f-g")]],
      ["a member of this network by its id", "@local:alpha", [local("alpha")]],
      ["a member of another network by its bare name", "@gamma", [away("gamma")]],
      ["a member of another network in full", "@away:gamma", [away("gamma")]],
      ["nobody by a name that two networks have", "@twin", undefined],
      ["one of two namesakes by its network", "@away:twin", [away("twin")]],
      ["a member by its URI", "<@molt://local/agents/beta>", [local("beta")]],
      [
        "a member of another network by its URI",
        "<@molt://beyond/agents/delta>",
        ["molt://beyond/agents/delta"],
      ],
      ["nobody by a bare URI", "@molt://local/agents/beta", undefined],
      ["nobody by the URI of a stranger", "<@molt://away/agents/beta>", undefined],
      ["nobody who is no member", "@zeta <@molt://local/agents/zeta>", undefined],
      ["nobody of an unknown network", "@elsewhere:beta", undefined],
      ["nobody without an at sign", "beta alpha", undefined],
      ["nobody in another case", "@Beta", undefined],
      ["nobody in an address of mail", "x@beta.example", undefined],
      ["a member at a comma", "@beta, hello", [local("beta")]],
      ["a member in brackets", "(@beta)!", [local("beta")]],
      ["a member by a pairing's id", "@pair-a:gamma", [away("gamma")]],
      ["a member behind a letter", "x@beta", [local("beta")]],
    ];
    for (const [name, text, expected] of rows) {
      it(`find ${name}`, async () => {
        assert.deepEqual(await mentioned(text), expected);
      });
    }

    it("find a member at the end of a sentence", async () => {
      for (const text of ["ask @beta.", "ask @beta-", "ask @local:beta...", "@beta.-"]) {
        assert.deepEqual(
          await mentioned(text),
          server.differs("mention-ends", undefined, [local("beta")]),
          text,
        );
      }
    });

    it("come first from the explicit list", async () => {
      const found = await mentioned("@alpha", ["beta", "away:gamma", "unknown", " alpha "]);
      assert.deepEqual(found, [local("beta"), away("gamma"), local("alpha")]);
      assert.deepEqual(await mentioned("none", [local("beta"), "local:beta"]), [local("beta")]);
      assert.equal(await mentioned("none", ["@beta", ""]), undefined);
    });

    it("are looked for in text parts alone", async () => {
      const parts = [
        { kind: "data", data: { text: "@alpha" } },
        { kind: "url", url: "https://example.com/", text: "@alpha" },
        { kind: "text", text: "@beta" },
      ];
      assert.deepEqual(await mentioned("", undefined, parts), [local("beta")]);
    });

    it("in threads are of the room's members", async () => {
      const thread = uniqueName("thread");
      const target = { kind: "thread", room_id: room, thread_id: thread };
      await server.send({ target, text: "@beta" });
      const page = await server.ok<MessagePage>(200, `/v1/threads/${thread}/messages`);
      assert.deepEqual(page.messages?.[0]?.mentions, [local("beta")]);
    });

    it("in direct messages are of the participants", async () => {
      const [one, two, three] = [
        await server.agent("one"),
        await server.agent("two"),
        await server.agent("three"),
      ];
      const dm = uniqueName("dm");
      const target = { kind: "dm", dm_id: dm, participant_ids: [one, two] };
      await server.send({ target, from: one, text: `@${two} @${three}` });
      const page = await server.ok<MessagePage>(200, `/v1/dms/${dm}/messages`);
      assert.deepEqual(page.messages?.[0]?.mentions, [local(two)]);
    });

    it("follow the members of the moment", async () => {
      const id = await server.room({ members: ["alpha"] });
      const last = async () => {
        await server.send({ room: id, text: "@late" });
        return (await history(server, id)).at(-1)?.mentions;
      };
      assert.equal(await last(), undefined);
      await server.ok(200, `/v1/rooms/${id}/members`, { method: "PATCH", json: { add: ["late"] } });
      assert.deepEqual(await last(), [local("late")]);
    });
  });
}
