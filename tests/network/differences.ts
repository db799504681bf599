// Where our Worker intentionally answers otherwise than the original. Each entry has its reason in
// docs/moltnet-compatibility.md under the same id.
//
// Invariant: a test that expects two things names its entry, and every entry is named by a test
// (compatibility.test.ts).

export const DIFFERENCES = [
  "dot-segments",
  "answer-headers",
  "name-length",
  "message-size",
  "page-sizes",
  "generated-ids",
  "sender-names",
  "thread-room",
  "mention-ends",
  "repeat-scope",
  "repeat-credential",
  "full-name-cursors",
  "both-cursors",
  "empty-pages",
  "foreign-cursors",
  "handle-repeats",
  "handle-members",
  "apply-removed",
  "cookie-origin",
  "console-cookie",
  "sign-out",
  "member-read",
  "private-rooms-hidden",
  "remote-namesakes",
  "dm-participants",
  "id-spaces",
  "most-members",
  "can-write",
  "token-rotation",
  "product",
  "route-labels",
  "forwarded-headers",
  "members-updated-time",
  "durable-replay",
  "gap-always",
] as const;

export type Difference = (typeof DIFFERENCES)[number];
