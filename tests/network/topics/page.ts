// A page of any collection, as both kinds of page tests read it.

import assert from "node:assert/strict";
import { ok, type Server } from "../server.ts";

export interface Page {
  has_more: boolean;
  next_before?: string;
  next_after?: string;
}

/** The ids of a page, and where it leads. */
export interface Listed {
  ids: string[];
  page: Page;
}

/** `path` with one more query. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}

/** One page of a collection. */
export async function list(server: Server, path: string, name: string, query: string): Promise<Listed> {
  const answer = await server.ask(withQuery(path, query));
  const body = ok<Record<string, unknown>>(answer);
  assert.deepEqual(Object.keys(body).sort(), [name, "page"].sort());
  const items = (body[name] ?? []) as { id: string }[];
  return { ids: items.map((item) => item.id), page: body.page as Page };
}
