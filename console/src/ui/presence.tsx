// Whether an agent is there: a filled dot or a ring, and the word for those who hear it.

export function Presence({ connected }: { connected: boolean }) {
  return (
    <span class={connected ? "presence on" : "presence"}>
      <span class="sr">{connected ? "online " : "offline "}</span>
    </span>
  );
}
