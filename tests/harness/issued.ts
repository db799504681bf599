// Secrets that a Worker has issued to this process, and the search for them where they must not be: in refusals, in
// metrics, in the log, in any file of the data folder (objects, D1 and their write-ahead logs).
//
// Invariant: every answer of the suites passes through `note`, and every Worker's traces through `expectNone` before
// they are thrown away, so whatever a suite does is searched, not only what a test about secrets does.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A token of a network's agent: 43 characters of secret. */
const NETWORK_TOKEN = /\bmagt_v1_([0-9A-Za-z_-]{43})(?![0-9A-Za-z_-])/g;

/** A key, an account token or a connect token: its id, 32 characters of secret, and 6 of checksum. */
const CREDENTIAL = /\b(molt[iac])_[a-z0-9]+_([0-9A-Za-z]{38,58})\b/g;
const SECRET = 32;
const CHECK = 6;
const NETWORK_SECRET = 43;

const secrets = new Map<string, string>();

/** Adds a secret by hand: what it is, and at least 16 characters of it. */
export function issue(what: string, secret: string): void {
  assert.ok(secret.length >= 16, `${what} is too short to be searched for`);
  secrets.set(secret, what);
}

/** How many secrets are known. */
export function issuedCount(): number {
  return secrets.size;
}

/** Takes an answer: what it issues is a secret from now on; a refusal or metrics must hold none. */
export function note(status: number, type: string | undefined, text: string): void {
  if (status === 200 || status === 201) {
    for (const [credential, kind] of text.matchAll(CREDENTIAL)) {
      issue(`a ${kind} credential`, credential.slice(-SECRET - CHECK, -CHECK));
    }
    for (const [, secret] of text.matchAll(NETWORK_TOKEN)) {
      issue("a token of a network's agent", secret ?? "");
    }
  }
  if (status >= 400 || type?.startsWith("text/plain")) {
    assert.deepEqual(foundIn(text), [], `an answer of status ${status} tells secrets: ${text.slice(0, 300)}`);
  }
}

/** What of the secrets stands in a text. */
export function foundIn(text: string): string[] {
  const found = new Set<string>();
  // Those of one length and alphabet, in one pass over the text.
  collect(found, text, /[0-9A-Za-z]{32,}/g, SECRET);
  collect(found, text, /[0-9A-Za-z_-]{43,}/g, NETWORK_SECRET);
  for (const [secret, what] of secrets) {
    if (secret.length !== SECRET && secret.length !== NETWORK_SECRET && text.includes(secret)) {
      found.add(what);
    }
  }
  return [...found];
}

function collect(found: Set<string>, text: string, runs: RegExp, length: number): void {
  for (const [run] of text.matchAll(runs)) {
    for (let at = 0; at + length <= run.length; at += 1) {
      const what = secrets.get(run.slice(at, at + length));
      if (what !== undefined) {
        found.add(what);
      }
    }
  }
}

/** Searches the log and every file below the data folder of a Worker. */
export function expectNone(persist: string, logs: readonly { message: string }[]): void {
  const told = logs.flatMap(({ message }) =>
    foundIn(message).map((what) => `the log tells ${what}: ${message}`),
  );
  const files = readdirSync(persist, { recursive: true, encoding: "utf8" }).map((name) =>
    join(persist, name),
  );
  const stored = files
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .flatMap((path) => foundIn(readFileSync(path, "latin1")).map((what) => `${path} holds ${what}`));
  assert.deepEqual([...told, ...stored], [], "secrets are where they must not be");
}
