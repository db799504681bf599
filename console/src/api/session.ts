// Signing in and out. A token belongs to the network, to the control API, or to neither; which, the server knows.

import { call, Refused } from "./call.ts";

/** What a token opened. */
export interface Opened {
  network: boolean;
  control: boolean;
}

async function accepted(path: string, token: string): Promise<boolean> {
  try {
    await call(path, { method: "POST", bearer: token });
    return true;
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403 || error.status === 404)) {
      return false;
    }
    throw error;
  }
}

/** Offers a token to both surfaces of this server; each that knows it sets a cookie that script cannot read. */
export async function signIn(token: string): Promise<Opened> {
  const [network, control] = await Promise.all([
    accepted("/console/sign-in", token),
    accepted("/api/v1/session", token),
  ]);
  return { network, control };
}

/** Takes both cookies away. */
export async function signOut(): Promise<void> {
  await Promise.allSettled([
    call("/console/sign-out", { method: "POST" }),
    call("/api/v1/session", { method: "DELETE" }),
  ]);
}
