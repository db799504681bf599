// The upstream alone: what a call costs without anything in between.

import { startUpstream } from "../load.ts";
import { MODEL, type Program } from "./program.ts";

export const upstream: Program = {
  title: "upstream alone",
  async start() {
    const { child, port } = await startUpstream();
    return { url: `http://127.0.0.1:${port}/v1/chat/completions`, headers: {}, model: MODEL, child };
  },
};
