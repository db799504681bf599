// Ids and keys of the right form that no deployment has issued: what the edge lets through and the objects refuse.
//
// Invariant: written from the contract alone (agent-endpoints §1, §4), not from the Worker's own code, so that a
// change of the form fails a suite.

import { crc32 } from "node:zlib";

const BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MODULUS = 1271;

function digits(alphabet: string, value: number, length: number): string {
  let rest = value;
  let text = "";
  for (let at = 0; at < length; at += 1) {
    text = alphabet.charAt(rest % alphabet.length) + text;
    rest = Math.floor(rest / alphabet.length);
  }
  return text;
}

/** An agent id with these ten characters and right check characters. */
export function agentIdOf(payload: string): string {
  const sum = [...payload].reduce((p, c) => ((p + BASE36.indexOf(c)) * 36) % MODULUS, 0);
  return payload + digits(BASE36, (MODULUS + 1 - ((sum * 36) % MODULUS)) % MODULUS, 2);
}

/** A key with a right checksum: `molti_<account>_<key id><secret><checksum>`. */
export function keyOf(account: string, keyId: string, secret: string): string {
  const text = `molti_${account}_${keyId}${secret}`;
  return text + digits(BASE62, crc32(text), 6);
}

/** The parts of a key. */
export function partsOf(key: string): { account: string; keyId: string; secret: string; check: string } {
  const [, account = "", token = ""] = key.split("_");
  return { account, keyId: token.slice(0, 20), secret: token.slice(20, 52), check: token.slice(52) };
}
