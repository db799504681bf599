// From post to receipt at a moderate load, on disk.

import { attachments, close, delays, dry, paced, quantile, received } from "./load.ts";
import { floor, original, ours } from "./servers.ts";
import { judge, tell } from "./verdict.ts";

const READERS = 100;
const RATE = 50;
const MS = Number(process.env.SECONDS ?? 20) * 1_000;

export async function latency(): Promise<void> {
  for (const target of [await ours(), await floor(), ...(await original())]) {
    const readers = await attachments(target, READERS);
    await paced(target, RATE, 3_000);
    await dry(readers);
    delays(readers);
    const before = received(readers);
    const posts = await paced(target, RATE, MS);
    await dry(readers);
    const late = delays(readers);
    const [p50, p99] = [quantile(late, 0.5), quantile(late, 0.99)];
    const lost = posts * READERS - (received(readers) - before);
    close(readers);
    tell(
      `${target.name}: post to receipt`,
      `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${lost} lost`,
    );
    if (target.name === "ours") {
      judge("ours, p50", `${p50.toFixed(1)} ms`, "≤ 25 ms", p50 <= 25);
      judge("ours, p99", `${p99.toFixed(1)} ms`, "≤ 200 ms", p99 <= 200);
      judge("ours, lost", String(lost), "0", lost === 0);
    }
  }
}
