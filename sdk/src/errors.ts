// Every way in which a call can fail. What a caller gave up itself throws its signal's reason instead.

/** What is known of a failure. */
export interface Failure {
  message: string;
  code: string;
  type: string;
  status?: number | null;
  param?: string | null;
  requestId?: string | null;
  runId?: string | null;
  /** Seconds. */
  retryAfter?: number | null;
  retryable?: boolean;
  /** Further members of the error object, such as `stable_url`. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** A call that failed. `code` says why; the classes below are for `instanceof`. */
export class MoltGhostError extends Error {
  override readonly name: string = "MoltGhostError";
  /** Stable name of the reason, such as `rate_limited`. */
  readonly code: string;
  /** Kind of the reason, such as `rate_limit_error`. */
  readonly type: string;
  /** Status of the answer; `null` where there was none or where it had already begun well. */
  readonly status: number | null;
  /** The parameter at fault. */
  readonly param: string | null;
  /** Id of the answer, for questions to the operator. */
  readonly requestId: string | null;
  /** Id of the run, if a pod had it. */
  readonly runId: string | null;
  /** Seconds after which the same call may succeed; `null` where the server named none. */
  readonly retryAfter: number | null;
  /** Whether the same call may be sent again without running the agent twice. */
  readonly retryable: boolean;
  /** Further members of the error object. */
  readonly details: Record<string, unknown>;

  constructor(failure: Failure) {
    super(failure.message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.code = failure.code;
    this.type = failure.type;
    this.status = failure.status ?? null;
    this.param = failure.param ?? null;
    this.requestId = failure.requestId ?? null;
    this.runId = failure.runId ?? null;
    this.retryAfter = failure.retryAfter ?? null;
    this.retryable = failure.retryable ?? false;
    this.details = failure.details ?? {};
  }
}

/** What was sent cannot be used: 400, 405, 413, 415, 422. */
export class InvalidRequestError extends MoltGhostError {
  override readonly name = "InvalidRequestError";
}

/** The key is not known: 401. */
export class AuthenticationError extends MoltGhostError {
  override readonly name = "AuthenticationError";
}

/** The key may not do this, or not from here: 403. */
export class PermissionError extends MoltGhostError {
  override readonly name = "PermissionError";
}

/** No such agent, model or route: 404. */
export class NotFoundError extends MoltGhostError {
  override readonly name = "NotFoundError";
}

/** The agent was terminated, for ever: 410. */
export class AgentTerminatedError extends MoltGhostError {
  override readonly name = "AgentTerminatedError";
}

/** Too many requests at the moment: 429 (or 403 where the agent's owner chose that). */
export class RateLimitError extends MoltGhostError {
  override readonly name = "RateLimitError";
}

/** The month's tokens are used up: 429. */
export class QuotaExceededError extends MoltGhostError {
  override readonly name = "QuotaExceededError";
}

/** The agent starts (202), is busy, paused, failed or out of reach: 503. */
export class AgentUnavailableError extends MoltGhostError {
  override readonly name = "AgentUnavailableError";
}

/** The run took longer than it may: 504, or the deadline of this SDK. */
export class TimeoutError extends MoltGhostError {
  override readonly name = "TimeoutError";
}

/** The agent's pod, or what stands between, answered with something that is no answer: 5xx. */
export class UpstreamError extends MoltGhostError {
  override readonly name = "UpstreamError";
}

/** No answer came, or it broke off. */
export class ConnectionError extends MoltGhostError {
  override readonly name = "ConnectionError";
}

type ErrorClass = new (failure: Failure) => MoltGhostError;

const BY_CODE: Record<string, ErrorClass> = {
  rate_limited: RateLimitError,
  quota_exceeded: QuotaExceededError,
  timeout: TimeoutError,
  agent_terminated: AgentTerminatedError,
  invalid_api_key: AuthenticationError,
  bad_gateway: UpstreamError,
};

const BY_STATUS: Record<number, ErrorClass> = {
  202: AgentUnavailableError,
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  410: AgentTerminatedError,
  429: RateLimitError,
  503: AgentUnavailableError,
  504: TimeoutError,
};

/** For what has no status: events of a stream, frames of a socket. */
const BY_TYPE: Record<string, ErrorClass> = {
  invalid_request_error: InvalidRequestError,
  authentication_error: AuthenticationError,
  permission_error: PermissionError,
  not_found_error: NotFoundError,
  rate_limit_error: RateLimitError,
  service_unavailable: AgentUnavailableError,
  timeout_error: TimeoutError,
  upstream_error: UpstreamError,
};

/** The error of the class that its code, or else its status or its type, names. */
export function errorOf(failure: Failure): MoltGhostError {
  const status = failure.status ?? 0;
  const byType = BY_TYPE[failure.type] ?? MoltGhostError;
  const byRange = status >= 500 ? UpstreamError : status >= 400 ? InvalidRequestError : byType;
  const Class = BY_CODE[failure.code] ?? BY_STATUS[status] ?? byRange;
  return new Class(failure);
}
