// Agent ids and keys, in the formats of the real thing: check characters, checksum, HMAC under a pepper.

const DIGITS36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const DIGITS62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KEY_ID = 20;
const SECRET = 32;
const CHECKSUM = 6;

/** Value of each ASCII character in base 36, or -1. */
const VALUE36 = Int8Array.from({ length: 128 }, (_, code) => DIGITS36.indexOf(String.fromCharCode(code)));

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(text, length) {
  let crc = 0xffffffff;
  for (let i = 0; i < length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ text.charCodeAt(i)) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

function write(digits, value, width) {
  let text = "";
  for (let i = 0, rest = value; i < width; i++) {
    text = digits[rest % digits.length] + text;
    rest = Math.floor(rest / digits.length);
  }
  return text;
}

/** ISO/IEC 7064 MOD 1271-36 of the first ten characters. */
function checkValue(text) {
  let sum = 0;
  for (let i = 0; i < 10; i++) {
    const value = VALUE36[text.charCodeAt(i) & 127];
    if (value < 0) return -1;
    sum = ((sum + value) * 36) % 1271;
  }
  return (1272 - ((sum * 36) % 1271)) % 1271;
}

/** Whether `text` has the form of an agent id: twelve characters, the last two check the others. */
export function isAgentId(text) {
  if (text.length !== 12) return false;
  const check = checkValue(text);
  return check >= 0 && VALUE36[text.charCodeAt(10)] * 36 + VALUE36[text.charCodeAt(11)] === check;
}

function random(digits, length) {
  let text = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(length))) text += digits[byte % digits.length];
  return text;
}

export function mintAgentId() {
  const payload = random(DIGITS36, 10);
  return payload + write(DIGITS36, checkValue(payload), 2);
}

/** A new key of `agent`: `{ id, key }`. */
export function mintKey(account, agent) {
  const id = agent + random(DIGITS36, 8);
  const body = `molti_${account}_${id}${random(DIGITS62, SECRET)}`;
  return { id, key: body + write(DIGITS62, crc32(body, body.length), CHECKSUM) };
}

/** Reads a key: `{ account, id, secret }`, or null for anything that cannot have been issued. */
export function parseKey(key) {
  if (!key.startsWith("molti_")) return null;
  const split = key.indexOf("_", 6);
  if (split < 7 || split > 38 || key.length !== split + 1 + KEY_ID + SECRET + CHECKSUM) return null;
  const end = key.length - CHECKSUM;
  if (write(DIGITS62, crc32(key, end), CHECKSUM) !== key.slice(end)) return null;
  const id = key.slice(split + 1, split + 1 + KEY_ID);
  if (!isAgentId(id.slice(0, 12))) return null;
  return { account: key.slice(6, split), id, secret: key.slice(split + 1 + KEY_ID, end) };
}
