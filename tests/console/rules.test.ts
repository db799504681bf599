// The console's rules without a browser: how events are folded, how texts are read, how streams are taken apart.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Message, NetworkEvent, Room } from "../../console/src/api/network.ts";
import { callsOperator, excerpt } from "../../console/src/conversation/excerpt.ts";
import { blocks, type Inline, inlines, safeHref } from "../../console/src/conversation/markdown.ts";
import { causes } from "../../console/src/endpoints/causes.ts";
import { percentile, sum } from "../../console/src/endpoints/percentile.ts";
import { snippet } from "../../console/src/endpoints/snippets.ts";
import { type Directory, EMPTY, reduce } from "../../console/src/live/directory.ts";
import { EventParser } from "../../console/src/live/sse.ts";
import { pieces } from "../../console/src/network/found.ts";

function at(second: number): string {
  return new Date(Date.UTC(2026, 11, 1, 12, 0, second)).toISOString();
}

function room(id: string, members: string[] = []): Room {
  return { id, name: id, members, visibility: "private", write_policy: "members", created_at: at(0) };
}

function message(id: string, second: number, target: Message["target"]): Message {
  return {
    id,
    target,
    from: { type: "agent", id: "alpha" },
    parts: [{ kind: "text", text: id }],
    created_at: at(second),
  };
}

let count = 0;
function event(type: string, more: Partial<NetworkEvent>): NetworkEvent {
  count += 1;
  return { id: `evt_${String(count)}`, type, created_at: at(count), ...more };
}

const HISTORY: NetworkEvent[] = [
  event("room.created", { room: room("a", ["alpha"]) }),
  event("agent.connected", { agent: { agent_id: "alpha", name: "Alpha" } }),
  event("agent.connected", { agent: { agent_id: "beta" } }),
  event("room.members.updated", { room: room("a", ["alpha", "beta"]) }),
  event("thread.created", { thread: { id: "t", room_id: "a", message_count: 1, last_message_at: at(5) } }),
  event("message.created", { message: message("m1", 5, { kind: "thread", room_id: "a", thread_id: "t" }) }),
  event("message.created", { message: message("m2", 6, { kind: "thread", room_id: "a", thread_id: "t" }) }),
  event("message.created", { message: message("m3", 7, { kind: "room", room_id: "a" }) }),
  event("dm.created", {
    dm: { id: "d", participant_ids: ["alpha"], message_count: 1, last_message_at: at(8) },
  }),
  event("message.created", { message: message("m4", 8, { kind: "dm", dm_id: "d" }) }),
  event("agent.disconnected", { agent: { agent_id: "beta" } }),
  event("room.created", { room: room("b") }),
  event("room.removed", { room: room("b") }),
  event("unheard.of", {}),
];

const fold = (events: NetworkEvent[], from: Directory = EMPTY) => events.reduce(reduce, from);

describe("the directory", () => {
  it("is what its events make of it", () => {
    const { rooms, agents, threads, dms, newest } = fold(HISTORY);
    assert.deepEqual([...rooms.keys()], ["a"]);
    assert.deepEqual(rooms.get("a")?.members, ["alpha", "beta"]);
    assert.deepEqual(
      [...agents.values()].map(({ id, connected, rooms }) => [id, connected, rooms]),
      [
        ["alpha", true, ["a"]],
        ["beta", false, ["a"]],
      ],
    );
    assert.equal(threads.get("t")?.message_count, 2);
    assert.equal(dms.get("d")?.message_count, 1);
    assert.equal(newest.get("room:a")?.id, "m3");
    assert.equal(newest.get("thread:t")?.id, "m2");
  });

  it("stays the same under events that it has folded already, from wherever a snapshot was taken", () => {
    const whole = fold(HISTORY);
    for (let cut = 0; cut <= HISTORY.length; cut += 1) {
      assert.deepEqual(fold(HISTORY.slice(cut), whole), whole, `from ${String(cut)}`);
    }
  });

  it("keeps what the reader may do in a room, which events leave out", () => {
    const access = { can_read: true, can_write: true };
    const before = { ...EMPTY, rooms: new Map([["a", { ...room("a"), access }]]) };
    const after = reduce(before, event("room.members.updated", { room: room("a", ["alpha"]) }));
    assert.deepEqual(after.rooms.get("a")?.access, access);
  });
});

function flat(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => ("inside" in node ? flat(node.inside) : "text" in node ? node.text : "\n"))
    .join("");
}

describe("Markdown", () => {
  it("is read as messages write it", () => {
    assert.deepEqual(
      blocks("# T\n\na **b** `c`\n\n```js\nx\n```\n> q\n\n- 1\n- 2\n\n---\n|a|b|\n|--|--|\n|c|d|").map(
        ({ kind }) => kind,
      ),
      ["heading", "paragraph", "code", "quote", "list", "rule", "table"],
    );
    assert.deepEqual(
      inlines("a **b** _c_ ~~d~~ `e` [f](https://g.example) @h.").map(({ kind }) => kind),
      [
        "text",
        "strong",
        "text",
        "emphasis",
        "text",
        "deleted",
        "text",
        "code",
        "text",
        "link",
        "text",
        "mention",
        "text",
      ],
    );
  });

  it("leaves alone what is none", () => {
    for (const text of [
      "snake_case_name",
      "2 * 3 * 4",
      "a@b.example",
      "[x]",
      "**",
      "`",
      "<b>bold</b>",
      "[a](b",
    ]) {
      assert.equal(flat(inlines(text)), text);
      assert.ok(
        inlines(text).every(({ kind }) => kind === "text"),
        text,
      );
    }
  });

  it("links to nothing that runs", () => {
    for (const href of [
      "javascript:alert(1)",
      " javascript:x",
      "data:text/html,x",
      "vbscript:x",
      "file:///x",
      "//x",
    ]) {
      assert.equal(safeHref(href), undefined, href);
      assert.ok(!JSON.stringify(blocks(`[x](${href}) <${href}>`)).includes('"link"'), href);
    }
    assert.equal(safeHref("https://example.com/a"), "https://example.com/a");
  });

  it("takes time that grows with the text alone", () => {
    for (const piece of ["*", "**a", "[", "`", "_", "<", "> ", "- ", "@", "[a](", "~~", "| a |\n|---|\n"]) {
      const begun = performance.now();
      blocks(piece.repeat(200_000 / piece.length));
      assert.ok(performance.now() - begun < 3_000, piece);
    }
  });
});

describe("a stream of events", () => {
  it("is the same in any split", () => {
    const text = ': open\n\nid: 1\nevent: a\ndata: {"x":1}\n\n: ka\n\nid: 2\ndata: y\ndata: z\n\n';
    const whole = new EventParser().push(text);
    assert.deepEqual(whole, [
      { id: "1", type: "a", data: '{"x":1}' },
      { id: "2", type: "message", data: "y\nz" },
    ]);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parser = new EventParser();
      assert.deepEqual([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], whole);
    }
  });
});

describe("figures", () => {
  it("come from histograms", () => {
    const bounds = [10, 100];
    const some = { count: 4, sum: 100, counts: [2, 2, 0] };
    assert.equal(percentile(some, bounds, 0.5), 10);
    assert.equal(percentile(some, bounds, 0.75), 55);
    assert.equal(percentile({ count: 1, sum: 500, counts: [0, 0, 1] }, bounds, 0.5), 100);
    assert.equal(percentile({ count: 0, sum: 0, counts: [] }, bounds, 0.5), null);
    assert.deepEqual(sum([some, some]), { count: 8, sum: 200, counts: [4, 4, 0] });
  });
});

describe("a call to paste", () => {
  it("holds the prompt whole, whatever is in it", () => {
    const prompt = 'it\'s "quoted" $HOME `x`\nnew line \\ end';
    const call = { base: "https://a.example", model: "m", prompt };
    const body = /-d '([\s\S]*)'$/.exec(snippet("curl", call))?.[1]?.replaceAll("'\\''", "'") ?? "";
    assert.equal((JSON.parse(body) as { messages: { content: string }[] }).messages[0]?.content, prompt);
    for (const language of ["Python", "Node"] as const) {
      assert.ok(snippet(language, call).includes(JSON.stringify(prompt)));
    }
  });
});

describe("what is found", () => {
  const marked = (text: string, words: string, length = 200) =>
    pieces(text, words, length)
      .map((piece) => (piece.found ? `[${piece.text}]` : piece.text))
      .join("");

  it("is marked where it stands: words, words together, beginnings", () => {
    assert.equal(marked("The brown Fox, foxes", "fox BROWN"), "The [brown] [Fox], foxes");
    assert.equal(marked("The brown Fox, foxes", "fox*"), "The brown [Fox], [foxes]");
    assert.equal(marked("at last, at long last", '"at last"'), "[at last], at long last");
    assert.equal(marked("über Überall", "über*"), "[über] [Überall]");
    assert.equal(marked("call @operator now", "@operator"), "call @[operator] now");
    assert.equal(marked("a.*b (c", '.* ( "[ '), "a.*b (c");
  });

  it("is in what is shown of a long text", () => {
    const long = `${"x ".repeat(1_000)}needle${" y".repeat(1_000)}`;
    const all = marked(long, "needle", 100);
    assert.ok(all.includes("[needle]") && all.length < 120, all);
  });
});

describe("a message in short", () => {
  const saying = (text: string, more: Partial<Message> = {}): Message => ({
    ...message("m", 0, { kind: "room", room_id: "a" }),
    parts: [{ kind: "text", text }],
    ...more,
  });

  it("is one line of its texts and files", () => {
    assert.equal(excerpt(saying("one\n\n two"), 20), "one two");
    assert.equal(excerpt(saying("one two three"), 8), "one two…");
    assert.equal(excerpt(saying("**a** [b](https://x.example) `c`\n- d\n- e"), 80), "a b c d · e");
    assert.equal(excerpt(saying("| h | i |\n|---|---|\n| 1 | 2 |"), 80), "h, i · 1, 2");
    assert.equal(
      excerpt(saying("", { parts: [{ kind: "file", filename: "a.txt" }, { kind: "data" }] }), 20),
      "a.txt data",
    );
  });

  it("calls on the operator, or does not", () => {
    for (const text of ["@operator", "well, @Operator!", "<@operator>", "(@operator)"]) {
      assert.ok(callsOperator(saying(text)), text);
    }
    for (const text of ["operator", "a@operator", "@operators", "@operator-2", "mail me@operator.example"]) {
      assert.ok(!callsOperator(saying(text)), text);
    }
    assert.ok(callsOperator(saying("hello", { mentions: ["molt://local/agents/operator"] })));
    assert.ok(!callsOperator(saying("@operator", { from: { type: "human", id: "operator" } })));
  });
});

describe("why calls were not served", () => {
  it("is told by cause, the most frequent first", () => {
    const step = (refused: Record<string, number>, endings: object) => ({
      time: at(0),
      requests: 0,
      refused,
      endings: { ok: 3, client_error: 0, server_error: 0, cancelled: 0, lost: 0, ...endings },
      prompt_tokens: 0,
      completion_tokens: 0,
      in_flight_max: 0,
      latency_ms: { count: 0, sum: 0, counts: [] },
      time_to_first_token_ms: { count: 0, sum: 0, counts: [] },
    });
    const all = causes([
      step({ rate_limited: 2 }, { server_error: 1 }),
      step({ rate_limited: 3, agent_busy: 1 }, { server_error: 2 }),
    ]);
    assert.deepEqual(
      all.map(({ name, count, bad }) => [name, count, bad]),
      [
        ["rate_limited", 5, false],
        ["server_error", 3, true],
        ["agent_busy", 1, false],
      ],
    );
    assert.deepEqual(causes([step({}, {})]), []);
  });
});
