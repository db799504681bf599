// An account of a Worker, and a terminal whose user holds its token.

import { control, uniqueName } from "../harness/tenant.ts";
import type { RunningWorker } from "../harness/worker.ts";
import { Terminal } from "./program.ts";

/** A role of an account token. */
export type Role = "viewer" | "operator" | "admin";

/** A new account. */
export async function newAccount(worker: RunningWorker): Promise<string> {
  const answer = await control(worker, "/accounts", { json: { name: uniqueName("cli") } });
  return answer.json<{ id: string }>().id;
}

/** A token of an account. */
export async function newToken(
  worker: RunningWorker,
  account: string,
  role: Role = "admin",
): Promise<string> {
  const answer = await control(worker, `/accounts/${account}/tokens`, { json: { name: role, role } });
  return answer.json<{ token: string }>().token;
}

/** A terminal that has address and token from its environment. */
export async function owner(
  worker: RunningWorker,
  role: Role = "admin",
  account?: string,
): Promise<Terminal> {
  const token = await newToken(worker, account ?? (await newAccount(worker)), role);
  return new Terminal({ MOLTGHOST_API: worker.url, MOLTGHOST_TOKEN: token });
}
