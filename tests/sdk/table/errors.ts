// Errors as the SDKs raise them.

import type { Case } from "../case.ts";

type Expected = NonNullable<Case["wanted"]["error"]>;

export const GATEWAY: Expected = {
  class: "InternalServerError",
  status: 502,
  code: "bad_gateway",
  type: "upstream_error",
};

/** In the midst of a stream. */
export const BROKE_OFF: Expected = { ...GATEWAY, class: "APIError", status: null };
export const LATE: Expected = { class: "APIError", status: null, code: "timeout", type: "timeout_error" };

export const WRONG_KEY: Expected = {
  class: "AuthenticationError",
  status: 401,
  code: "invalid_api_key",
  type: "authentication_error",
};

export const notFound = (code: string): Expected => ({
  class: "NotFoundError",
  status: 404,
  code,
  type: "not_found_error",
});

export const unavailable = (code: string): Expected => ({
  class: "InternalServerError",
  status: 503,
  code,
  type: "service_unavailable",
});

export const badRequest = (code: string): Expected => ({
  class: "BadRequestError",
  status: 400,
  code,
  type: "invalid_request_error",
});
