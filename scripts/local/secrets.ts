// The local Worker's secrets, made once: .dev.vars, readable by its owner alone and ignored by git.
//
// Invariant: a secret that is there is never replaced; keys made with it stay valid.

import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { SECRETS, say } from "./step.ts";

/** What a local Worker needs. DEVELOPMENT allows agents at plain http and at addresses. */
const WANTED: Record<"OPERATOR_TOKEN" | "KEY_PEPPER" | "ADMIN_TOKEN" | "DEVELOPMENT", () => string> = {
  OPERATOR_TOKEN: () => randomBytes(32).toString("base64url"),
  KEY_PEPPER: () => randomBytes(32).toString("hex"),
  ADMIN_TOKEN: () => randomBytes(32).toString("base64url"),
  DEVELOPMENT: () => "on",
};

function parse(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Z_]+)\s*=\s*"?(.*?)"?\s*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      found[match[1]] = match[2];
    }
  }
  return found;
}

/** All that is in the file, completed by what was missing. */
export function localSecrets(): Record<keyof typeof WANTED, string> {
  const text = existsSync(SECRETS) ? readFileSync(SECRETS, "utf8") : "";
  const found = parse(text);
  const missing = Object.entries(WANTED).filter(([name]) => found[name] === undefined);
  if (missing.length > 0) {
    const added = missing.map(([name, make]) => {
      const value = make();
      found[name] = value;
      return `${name}=${value}\n`;
    });
    const kept = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    const unfinished = `${SECRETS}.${process.pid}`;
    writeFileSync(unfinished, kept + added.join(""), { mode: 0o600 });
    renameSync(unfinished, SECRETS);
    say(`made local secrets in ${SECRETS}`);
  }
  chmodSync(SECRETS, 0o600);
  return found as Record<keyof typeof WANTED, string>;
}
