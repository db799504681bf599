// The twin's Durable Object: admits runs and settles them.
//
// Agent, keys and leases are in memory; admission touches storage with one statement, checks key and state, and
// answers at once. The lease of an admitted run and the settlements that rode along are written after the reply, in
// the next turn, in one commit with all others that wait by then.

import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { mintKey } from "./credential.js";

const LEASE_GRACE = 30_000;
const TIMEOUT = 300_000;
const NO_HASH = Buffer.alloc(32);

const SCHEMA = `
  CREATE TABLE agent (id TEXT PRIMARY KEY, account TEXT, state TEXT, url TEXT, headers TEXT) WITHOUT ROWID;
  CREATE TABLE key (id TEXT PRIMARY KEY, hash BLOB, last_used INTEGER, revoked INTEGER) WITHOUT ROWID;
  CREATE TABLE lease (run TEXT PRIMARY KEY, key TEXT, admitted INTEGER, until INTEGER, reserved INTEGER) WITHOUT ROWID;
  CREATE TABLE usage (day TEXT PRIMARY KEY, requests INTEGER, prompt INTEGER, completion INTEGER) WITHOUT ROWID;
`;
/** An event that touches no storage could have come to an instance that is no longer the object's own. */
const TOUCH = "SELECT 1 FROM agent";
/** How often the time at which a key was last used is written. */
const USE_EVERY = 60_000;
const USED = "UPDATE key SET last_used = ? WHERE id = ?";
const LEASE = "INSERT OR IGNORE INTO lease (run, key, admitted, until, reserved) VALUES (?, ?, ?, ?, ?)";
const RELEASE = "DELETE FROM lease WHERE run = ?";
const CHARGE = `INSERT INTO usage (day, requests, prompt, completion) VALUES (?, ?, ?, ?)
  ON CONFLICT (day) DO UPDATE SET requests = requests + excluded.requests, prompt = prompt + excluded.prompt,
  completion = completion + excluded.completion`;

export class AgentTwin {
  #storage;
  #sql;
  #pepper;
  #agent = null;
  #keys = new Map();
  /** Runs that hold a lease: id → tokens reserved. */
  #leases = new Map();
  /** What the next turn writes. */
  #admitted = [];
  #settled = [];
  #used = [];
  #writing = false;
  #alarm = false;

  constructor(state, env) {
    this.#storage = state.storage;
    this.#sql = state.storage.sql;
    this.#pepper = env.KEY_PEPPER;
    if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'lease'").toArray().length > 0) this.#load();
  }

  #load() {
    this.#agent = this.#sql.exec("SELECT state, account, url, headers FROM agent").one();
    for (const row of this.#sql.exec("SELECT id, hash, last_used, revoked FROM key")) {
      this.#keys.set(row.id, { ...row, hash: new Uint8Array(row.hash) });
    }
    for (const [run, reserved] of this.#sql.exec("SELECT run, reserved FROM lease").raw()) {
      this.#leases.set(run, reserved);
    }
  }

  async fetch(request) {
    const message = JSON.parse(await request.text());
    if (message.v !== 1) return Response.json({ err: "internal_error" });
    if (message.seed) return Response.json(this.#seed(message.seed));
    const now = Date.now();
    if (message.settle) this.#settle(message.settle);
    return new Response(JSON.stringify(message.admit ? this.#admit(message.admit, now) : null));
  }

  alarm() {
    this.#alarm = false;
    const now = Date.now();
    // A lease that ran out is charged in full.
    for (const [run, reserved] of this.#sql
      .exec("SELECT run, reserved FROM lease WHERE until < ?", now)
      .raw()) {
      this.#settle([{ run, usage: { prompt_tokens: reserved, completion_tokens: 0 } }]);
    }
  }

  #admit(admit, now) {
    if (this.#sql.exec(TOUCH).next().done) return { refused: "agent_not_found" };
    const { state, account, url, headers } = this.#agent;
    const key = this.#keys.get(admit.key.id);
    const matches = timingSafeEqual(this.#hash(admit.key.secret), key?.hash ?? NO_HASH);
    if (!matches || key.revoked || account !== admit.key.account) return { refused: "invalid_api_key" };
    if (state !== "running") return { refused: `agent_${state}` };
    if (now - key.last_used >= USE_EVERY) {
      key.last_used = now;
      this.#used.push([now, key.id]);
    }
    const timeout = Math.min(admit.timeout_ms ?? TIMEOUT, TIMEOUT);
    if (!this.#leases.has(admit.run)) {
      this.#leases.set(admit.run, admit.reserve);
      this.#admitted.push([admit.run, admit.key.id, now, now + timeout + LEASE_GRACE, admit.reserve]);
      this.#writeSoon();
    }
    return { cors: ["*"], run: { url, headers, timeout_ms: timeout } };
  }

  #settle(list) {
    for (const { run, usage } of list) {
      if (!this.#leases.delete(run)) continue;
      this.#settled.push([run, usage]);
      this.#writeSoon();
    }
  }

  #writeSoon() {
    if (this.#writing) return;
    this.#writing = true;
    setTimeout(() => this.#write(), 0);
  }

  #write() {
    const [admitted, settled, used] = [this.#admitted, this.#settled, this.#used];
    this.#admitted = [];
    this.#settled = [];
    this.#used = [];
    this.#writing = false;
    for (const use of used) this.#sql.exec(USED, ...use);
    for (const lease of admitted) this.#sql.exec(LEASE, ...lease);
    let prompt = 0;
    let completion = 0;
    for (const [run, usage] of settled) {
      this.#sql.exec(RELEASE, run);
      prompt += usage?.prompt_tokens ?? 0;
      completion += usage?.completion_tokens ?? 0;
    }
    if (settled.length > 0) {
      this.#sql.exec(CHARGE, new Date().toISOString().slice(0, 10), settled.length, prompt, completion);
    }
    if (!this.#alarm) {
      this.#alarm = true;
      this.#storage.setAlarm(Date.now() + TIMEOUT + LEASE_GRACE);
    }
  }

  #hash(secret) {
    return createHmac("sha256", this.#pepper).update(secret).digest();
  }

  /** Makes the agent and a key of it: what the control API does in the real thing. */
  #seed({ agent, account, url }) {
    const { id, key } = mintKey(account, agent);
    this.#sql.exec(SCHEMA);
    this.#sql.exec("INSERT INTO agent VALUES (?, ?, 'running', ?, '')", agent, account, url);
    this.#sql.exec("INSERT INTO key VALUES (?, ?, 0, 0)", id, this.#hash(key.slice(-38, -6)));
    this.#load();
    return { agent, key };
  }
}
