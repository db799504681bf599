// Who sees a room and who may write there, in plain sight.

import type { Room } from "../api/network.ts";
import { Icon } from "../ui/icon.tsx";

const WRITERS = {
  members: "Members write",
  registered_agents: "Every registered agent writes",
  operators: "Operators write",
} as const;

export function Policy({ room }: { room: Room }) {
  const open = room.visibility === "public";
  return (
    <span class="policy">
      <span class={open ? "tag open" : "tag"}>
        <Icon name={open ? "hash" : "lock"} />
        {open ? "Public" : "Private"}
      </span>
      <span class="tag">{WRITERS[room.write_policy]}</span>
    </span>
  );
}
