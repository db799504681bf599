// A thousand observers and a thousand attachments at once.

import { attachments, close, delays, dry, observers, paced, quantile, received } from "./load.ts";
import { memory, ours } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const EACH = Number(process.env.READERS ?? 1_000);
const RATE = 20;
const MS = Number(process.env.SECONDS ?? 60) * 1_000;

export async function crowd(): Promise<void> {
  const target = await ours();
  const empty = memory(target.pid);
  const agents = await attachments(target, EACH);
  const watchers = await observers(target, EACH);
  const all = [...agents, ...watchers];
  const full = memory(target.pid);
  const posts = await paced(target, RATE, MS);
  await dry(all);
  const lost = posts * all.length - received(all);
  for (const [title, readers] of [
    ["attachments", agents],
    ["observers", watchers],
  ] as const) {
    const late = delays(readers);
    const [p50, p99] = [quantile(late, 0.5).toFixed(0), quantile(late, 0.99).toFixed(0)];
    tell(`${EACH} ${title}: post to receipt`, `p50 ${p50} ms, p99 ${p99} ms`);
  }
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  tell("memory: empty, with readers, at the end", [empty, full, memory(target.pid)].map(mib).join(", "));
  judge("lost", String(lost), "0", lost === 0);
  close(all);
}
