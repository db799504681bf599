// A program that is measured: how it is started over the upstream, and how it is called.

import type { ChildProcess } from "node:child_process";

/** What a program needs to start. */
export interface Setting {
  /** Base URL of the upstream, without a path. */
  upstream: string;
  /** An empty folder of its own. */
  folder: string;
}

/** A program that runs. */
export interface Running {
  /** The whole address of its chat completions endpoint. */
  url: string;
  headers: Record<string, string>;
  model: string;
  child: ChildProcess;
  /** What it writes, for when something is wrong with it. */
  log?: string;
}

export interface Program {
  title: string;
  /** Installs or builds what is missing; quick when nothing is. */
  prepare?(): Promise<void>;
  start(setting: Setting): Promise<Running>;
}

/** A program that cannot be had on this machine. A peer is left out, and said so. */
export class Unavailable extends Error {}

/** What the upstream answers for, whatever a gateway calls it outside. */
export const MODEL = "bench-model";
