// A Worker and what the suites of the control API do with it: make accounts, tokens, agents and keys, and say what a
// refusal must be.
//
// Invariant: every answer is judged by the contract before a test sees it; what a test makes has a name of its own.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type Answer, type RunningWorker, startWorker, type WorkerOptions } from "../harness/index.ts";
import { type AgentDocument, control, uniqueName } from "../harness/tenant.ts";
import type { ControlOptions } from "../harness/worker.ts";

export type Role = "viewer" | "operator" | "admin";

/** A list as every route gives it. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export interface AccountDocument {
  id: string;
  name: string;
  created_at: string;
}

export interface TokenDocument {
  id: string;
  name: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
}

export interface ListedKey {
  id: string;
  agent: string;
  account: string;
  name: string;
  masked: string;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
  expires_at: string | null;
  rotated_at: string | null;
  old_secret_until: string | null;
  allowed_paths: string[] | null;
  limits: { rpm: number | null };
  age_days: number;
  rotate_due: boolean;
}

export type MadeToken = TokenDocument & { token: string };
export type MadeAgent = AgentDocument & { connect_token: string };
export type MadeKey = ListedKey & { key: string };

/** An account id that nothing else uses. */
export function freshId(): string {
  return randomBytes(8).toString("hex");
}

/** What a suite does with its Worker. */
export class Session {
  readonly worker: RunningWorker;

  constructor(worker: RunningWorker) {
    this.worker = worker;
  }

  /** Any call; with the operator's token unless another is given. */
  call(path: string, options: ControlOptions = {}): Promise<Answer> {
    return control(this.worker, path, options);
  }

  /** A call that must succeed. */
  async ok<T>(status: number, path: string, options: ControlOptions = {}): Promise<T> {
    const answer = await this.call(path, options);
    assert.equal(answer.status, status, `${options.method ?? ""} ${path}: ${answer.text.slice(0, 500)}`);
    return answer.json<T>();
  }

  /** A new account. */
  async account(id: string = freshId()): Promise<string> {
    return (await this.ok<AccountDocument>(201, "/accounts", { json: { id, name: uniqueName("account") } }))
      .id;
  }

  /** A new token of an account. */
  token(account: string, role: Role = "admin", more: Record<string, unknown> = {}): Promise<MadeToken> {
    const json = { name: uniqueName("token"), role, ...more };
    return this.ok<MadeToken>(201, `/accounts/${account}/tokens`, { json });
  }

  /** A new agent. */
  agent(account: string, settings: Record<string, unknown> = {}): Promise<MadeAgent> {
    const json = { account, name: uniqueName("agent"), ...settings };
    return this.ok<MadeAgent>(201, "/agents", { json });
  }

  /** A new key of an agent. */
  key(agent: string, name = uniqueName("key")): Promise<MadeKey> {
    return this.ok<MadeKey>(201, `/agents/${agent}/keys`, { json: { name } });
  }

  /** All items of a list, page by page. */
  async all<T>(path: string, limit: number, options: ControlOptions = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = "";
    for (let pages = 0; cursor !== null; pages += 1) {
      assert.ok(pages < 1_000, `${path} has no last page`);
      const query = `${path.includes("?") ? "&" : "?"}limit=${limit}&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<T> = await this.ok<Page<T>>(200, path + query, options);
      assert.ok(page.data.length <= limit, `${page.data.length} items on a page of ${limit}`);
      items.push(...page.data);
      cursor = page.next_cursor;
    }
    return items;
  }

  stop(): Promise<void> {
    return this.worker.stop();
  }
}

/** Starts a Worker for a suite. */
export async function session(options: WorkerOptions = {}): Promise<Session> {
  return new Session(await startWorker(options));
}

interface ErrorBody {
  error: { code: string; param: string | null; message: string; state?: string };
}

/** The answer must be this refusal; `param` is judged where it is given. */
export function refused(
  answer: Answer,
  status: number,
  code: string,
  param?: string | null,
): ErrorBody["error"] {
  assert.equal(answer.status, status, answer.text.slice(0, 500));
  const { error } = answer.json<ErrorBody>();
  assert.equal(error.code, code, answer.text);
  if (param !== undefined) {
    assert.equal(error.param, param, answer.text);
  }
  return error;
}
