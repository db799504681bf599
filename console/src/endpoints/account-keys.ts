// The keys of an account, of all its endpoints: read when one is looked for by its name, and again once any has changed.

import { signal } from "@preact/signals";
import { type Key, readAccountKeys } from "../api/control.ts";
import { account, control, keyChanges } from "./state.ts";

/** Those that can still be used. */
export const accountKeys = signal<readonly Key[]>([]);
/** Of which account they were read, and after how many changes. */
let known = "";

/** Reads the keys, where the reader is signed in to an account and they are not known. */
export async function needAccountKeys(): Promise<void> {
  const wanted = control.value === "in" ? account.value : "";
  const version = `${wanted} ${String(keyChanges.value)}`;
  if (version === known) {
    return;
  }
  known = version;
  accountKeys.value = [];
  if (wanted === "") {
    return;
  }
  try {
    const found = await readAccountKeys(wanted);
    if (known === version) {
      const now = Date.now();
      accountKeys.value = found.filter(
        ({ revoked_at, expires_at }) =>
          revoked_at === null && (expires_at === null || Date.parse(expires_at) > now),
      );
    }
  } catch {
    known = "";
  }
}
