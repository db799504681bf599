// The search, an addition of ours: what was said is found where the caller may read, and nowhere else.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type RunningWorker, until } from "../harness/index.ts";
import { type RunningOurs, startOurs } from "./ours.ts";
import { BEARER, tokenValue } from "./setup.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const OPERATOR = bearer(tokenValue("operator"));

interface Page {
  messages: { id: string }[];
  page: { has_more: boolean; next_before?: string };
}

describe("GET /v1/search", () => {
  let server: RunningOurs;
  let worker: RunningWorker;
  let agent: Record<string, string>;

  const search = (query: string, headers: Record<string, string> = OPERATOR) =>
    worker.ask(`/v1/search?${query}`, { headers });
  const found = async (query: string, headers?: Record<string, string>): Promise<Page> => {
    const answer = await search(query, headers);
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as Page;
  };
  const ids = async (query: string, headers?: Record<string, string>) =>
    (await found(query, headers)).messages.map(({ id }) => id);
  const say = async (id: string, target: object, text: string) => {
    const json = { id, target, from: { type: "agent", id: "alpha" }, parts: [{ kind: "text", text }] };
    const answer = await worker.ask("/v1/messages", { headers: OPERATOR, json });
    assert.equal(answer.status, 202, answer.text);
  };
  const room = (id: string) => ({ kind: "room", room_id: id });

  before(async () => {
    server = await startOurs(BEARER);
    worker = server.worker;
    for (const [id, members] of [
      ["mine", ["alpha", "beta"]],
      ["other", ["alpha"]],
    ] as const) {
      const made = await worker.ask("/v1/rooms", { headers: OPERATOR, json: { id, members } });
      assert.equal(made.status, 201, made.text);
    }
    const claim = await worker.ask("/v1/agents/register", {
      headers: bearer(tokenValue("adminWrite")),
      json: { requested_agent_id: "beta" },
    });
    assert.equal(claim.status, 201, claim.text);
    const minted = await worker.ask("/v1/agents/beta/token", { method: "POST", headers: OPERATOR });
    agent = bearer(String((minted.json() as { agent_token: string }).agent_token));
    await say("m1", room("mine"), "the brown fox");
    await say("m2", room("other"), "a brown bear");
    await say("m3", { kind: "dm", dm_id: "d1", participant_ids: ["alpha", "beta"] }, "brown secrets");
    await say("m4", { kind: "dm", dm_id: "d2", participant_ids: ["alpha", "gamma"] }, "brown nothing");
    await until("everything in the search", async () => (await ids("q=brown")).length === 4, 30_000);
  });
  after(() => server?.stop());

  it("finds words, phrases and beginnings", async () => {
    assert.deepEqual((await ids("q=brown")).toSorted(), ["m1", "m2", "m3", "m4"]);
    assert.deepEqual(await ids("q=BROWN+fox"), ["m1"]);
    assert.deepEqual(await ids(`q=${encodeURIComponent('"fox brown"')}`), []);
    assert.deepEqual(await ids("q=sec*"), ["m3"]);
    assert.deepEqual(await ids("q=brown&room_id=other"), ["m2"]);
  });

  it("shows an agent its rooms and its own direct conversations alone", async () => {
    assert.deepEqual((await ids("q=brown", agent)).toSorted(), ["m1", "m3"]);
    assert.equal((await search("q=brown&room_id=other", agent)).status, 403);
    assert.equal((await search("q=brown&room_id=none")).status, 404);
    assert.equal((await worker.ask("/v1/search?q=brown")).status, 401);
    assert.equal((await search("q=brown", bearer("nonsense"))).status, 401);
  });

  it("pages back in time", async () => {
    const seen: string[] = [];
    let before = "";
    do {
      const page = await found(`q=brown&limit=3${before}`);
      seen.push(...page.messages.map(({ id }) => id));
      before = page.page.next_before === undefined ? "" : `&before=${page.page.next_before}`;
      assert.equal(before !== "", page.page.has_more);
    } while (before !== "");
    assert.deepEqual(seen.toSorted(), ["m1", "m2", "m3", "m4"]);
  });

  it("refuses what cannot be asked", async () => {
    for (const [query, text] of [
      ["", "q is required: the words to search for"],
      ["q=%21%21", "q must hold a word: letters or digits"],
      [`q=${"a".repeat(257)}`, "q must be 256 bytes or fewer"],
      ["q=a&before=x", 'invalid cursor "x"'],
    ] as const) {
      const answer = await search(query);
      assert.equal(answer.status, 422, answer.text);
      assert.equal((answer.json() as { error: string }).error, text);
    }
  });

  it("is filled again after its database was emptied", async () => {
    for (const table of ["mark", "document"]) {
      await worker.searched(`DELETE FROM ${table}`);
    }
    await worker.searched("INSERT INTO passage (passage) VALUES ('delete-all')");
    assert.deepEqual(await ids("q=brown"), []);
    const asked = await worker.control("/network/search", { method: "POST" });
    assert.deepEqual([asked.status, asked.json()], [200, { asked: 4, next: null }]);
    await until("everything in the search again", async () => (await ids("q=brown")).length === 4, 30_000);
  });

  it("finds nothing of a room that was removed", async () => {
    const removed = await worker.ask("/v1/rooms/other", { method: "DELETE", headers: OPERATOR });
    assert.equal(removed.status, 200, removed.text);
    await until("the removal in the search", async () => !(await ids("q=brown")).includes("m2"), 30_000);
  });
});
