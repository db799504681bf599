// @moltghost/sdk: talk to a MoltGhost agent.

export {
  type AgentOptions,
  type CallOptions,
  type ChatOptions,
  type ConnectOptions,
  MoltGhostAgent,
  type RunOptions,
  type ToolsOptions,
} from "./agent.ts";
export type {
  AgentState,
  ChatChunk,
  ChatReply,
  Choice,
  ChunkChoice,
  Health,
  Message,
  Model,
  Status,
  Tool,
  ToolCall,
  ToolResult,
  Usage,
} from "./documents.ts";
export {
  AgentTerminatedError,
  AgentUnavailableError,
  AuthenticationError,
  ConnectionError,
  InvalidRequestError,
  MoltGhostError,
  NotFoundError,
  PermissionError,
  QuotaExceededError,
  RateLimitError,
  TimeoutError,
  UpstreamError,
} from "./errors.ts";
export { AgentSocket, type SocketLike } from "./socket.ts";
export { EventParser, type ServerEvent } from "./sse.ts";
export { ChatStream, type OnChunk } from "./stream.ts";
export type { Fetch } from "./transport.ts";
