// Where a message stands, as an address that leads to it.

import type { Message } from "../api/network.ts";
import { threads } from "../network/state.ts";
import type { Place } from "../router.ts";

export function placeOfMessage({ id, target }: Message): Place {
  if (target.kind === "dm") {
    return { page: "dm", id: target.dm_id ?? "", at: id };
  }
  const thread = target.thread_id;
  if (target.kind === "thread" && thread !== undefined) {
    const room = target.room_id ?? threads.value.get(thread)?.room_id ?? "";
    return { page: "room", id: room, thread, at: id };
  }
  return { page: "room", id: target.room_id ?? "", at: id };
}
