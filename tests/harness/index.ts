// The harness of the end-to-end suites: everything that they import.

export { adopt, end, hasEnded, isRunning } from "./child.ts";
export { BUILD, ROOT, workerdProgram } from "./paths.ts";
export { freePort } from "./ports.ts";
export { exchange, RawSocket } from "./raw-socket.ts";
export { Answer, ask, type OpenAnswer, open, type RequestOptions } from "./request.ts";
export { discard, scratch } from "./scratch.ts";
export { many, together } from "./together.ts";
export { until } from "./until.ts";
export {
  type ControlOptions,
  KEY_PEPPER,
  type LogLine,
  OPERATOR_TOKEN,
  RunningWorker,
  startWorker,
  type WorkerOptions,
} from "./worker.ts";
export {
  builtWorker,
  type RawOptions,
  type RawWorkerd,
  type RunningWorkerd,
  startRawWorkerd,
} from "./workerd.ts";
