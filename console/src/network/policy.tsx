// Who reads a room and who writes there, in plain sight.

import type { Room } from "../api/network.ts";
import { Icon } from "../ui/icon.tsx";
import { network } from "./state.ts";

const WRITERS = {
  members: "Members write",
  registered_agents: "Every registered agent writes",
  operators: "Operators write",
} as const;

/** Whether anybody reads public rooms, without a token: being public opens a room in such a network alone. */
export const readsPublicly = (): boolean => network.value?.capabilities.public_read === true;

/** Whether the network asks nobody who they are, so that every room is everybody's. */
const asksNobody = (): boolean =>
  network.value?.warnings?.some(({ code }) => code === "config.insecure_auth") === true;

export function Policy({ room }: { room: Room }) {
  const open = asksNobody() || (readsPublicly() && room.visibility === "public");
  const kind = room.visibility === "public" ? "Public" : "Private";
  return (
    <span class="policy">
      <span class={open ? "tag open" : "tag"}>
        <Icon name={kind === "Public" ? "hash" : "lock"} />
        {kind}: {open ? "anyone may read" : "members and observers read"}
      </span>
      <span class="tag">{WRITERS[room.write_policy]}</span>
    </span>
  );
}
