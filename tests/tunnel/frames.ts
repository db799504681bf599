// Frames of the tunnel's protocol, as docs/tunnel-protocol.md has them, written anew: the two ends share no code here.

export const HELLO = 1;
export const WELCOME = 2;
export const REQUEST = 3;
export const ACCEPTED = 4;
export const RESPONSE = 5;
export const BODY = 6;
export const END = 7;
export const RESET = 8;
export const WINDOW = 9;
export const PING = 10;
export const PONG = 11;
export const GOAWAY = 12;

export interface Frame {
  kind: number;
  stream: number;
  payload: Buffer;
}

export function frame(kind: number, stream: number, payload: Uint8Array | number[] | string = ""): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bytes.length);
  head.writeUInt8(kind);
  head.writeUInt32BE(stream, 4);
  return Buffer.concat([head, bytes]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function* frames(message: Buffer): Generator<Frame> {
  for (let at = 0; at < message.length; ) {
    const length = message.readUIntBE(at + 1, 3);
    const payload = message.subarray(at + 8, at + 8 + length);
    yield { kind: message.readUInt8(at), stream: message.readUInt32BE(at + 4), payload };
    at += 8 + length;
  }
}
