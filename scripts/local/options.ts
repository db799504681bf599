// What `make run` and `moltghost dev` ask of a run.

import { parseArgs } from "node:util";
import { StepError } from "./step.ts";

export interface Options {
  /** Address of the server that takes the place of the demo pod. */
  to?: string;
  /** Secret headers for it, as `moltghost connect --header` takes them. */
  headers: string[];
  /** Name of the agent, in the account `demo`. */
  agent: string;
  /** Whether the lines to paste are one JSON document instead. */
  json: boolean;
}

export function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        to: { type: "string" },
        header: { type: "string", multiple: true, default: [] },
        agent: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const { to, header, agent, json } = values;
    return {
      ...(to === undefined ? {} : { to }),
      headers: header,
      agent: agent ?? (to === undefined ? "demo" : "dev"),
      json,
    };
  } catch (error) {
    throw new StepError(
      (error as Error).message,
      "It is make run, or make run TO=http://127.0.0.1:11434 for a server of yours.",
    );
  }
}
