// Whether the reader may write somewhere, and why not.

import type { Room } from "../api/network.ts";
import { network } from "../network/state.ts";

/** Why nothing can be written here; nothing where it can. */
export function whyClosed(room: Room | undefined): string {
  const here = network.value;
  if (!here?.capabilities.human_ingress) {
    return "People cannot write in this network: human ingress is off.";
  }
  if (!here.console?.can_send_human) {
    return "You are reading along: your token may not write.";
  }
  return room !== undefined && room.access?.can_write === false
    ? "You are reading along: this room's write policy does not let you write."
    : "";
}
