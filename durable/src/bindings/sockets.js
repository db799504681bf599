// An object's end of its readers' links: WebSockets that outlive the object's sleep.

import { free } from "./buffers.js";
import { toHeaders } from "./http.js";
import { within } from "./link.js";
import { objectAt } from "./object.js";

/** How long an object may take to take a caller's socket. */
const UPGRADE_MS = 10_000;

/** The header that tells an object who a socket is for; only the Worker can set it. */
const ADMITTED = "x-moltghost-admitted";

/** The header in which an object answers to who asks for a call's socket. */
const ANSWER = "x-moltghost-answer";

/** Whether a request asks for a WebSocket. */
export function isUpgrade(request) {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Takes a link; its messages come to `webSocketMessage` of the object. */
export function acceptSocket(state) {
  const [client, server] = Object.values(new WebSocketPair());
  state.acceptWebSocket(server);
  return new Response(null, { status: 101, webSocket: client });
}

/** Takes a socket that a caller of ours is at the other end of: the answer to its request, and our end. */
export function acceptAttachment(state) {
  const [client, server] = Object.values(new WebSocketPair());
  state.acceptWebSocket(server);
  return [new Response(null, { status: 101, webSocket: client }), server];
}

/** The same for the socket of a call, with the answer to who asks to run it, if that is known. */
export function acceptCall(state, answer) {
  const [client, server] = Object.values(new WebSocketPair());
  state.acceptWebSocket(server);
  const headers = answer === undefined ? {} : { [ANSWER]: encodeURIComponent(answer) };
  return [new Response(null, { status: 101, webSocket: client, headers }), server];
}

/** The same for an object with sockets of several kinds, which it tells apart by a tag. */
export function acceptTagged(state, tag) {
  const [client, server] = Object.values(new WebSocketPair());
  state.acceptWebSocket(server, [tag]);
  return [new Response(null, { status: 101, webSocket: client }), server];
}

/** The object's open sockets of one kind. */
export function taggedSockets(state, tag) {
  return state.getWebSockets(tag).filter((socket) => socket.readyState === WebSocket.OPEN);
}

export function socketTag(state, socket) {
  return state.getTags(socket)[0];
}

/** What an upgrade that [`openAttachment`] passed on says of its caller. */
export function admitted(request) {
  const text = request.headers.get(ADMITTED);
  return text === null ? undefined : decodeURIComponent(text);
}

/** Passes a caller's upgrade on to an object: a promise of the answer, and of nothing where there is no room. */
export async function openAttachment(env, place, who, headers) {
  const upgrade = { upgrade: "websocket", [ADMITTED]: encodeURIComponent(who) };
  const asked = objectAt(env, place).fetch("https://object/attach", { headers: upgrade });
  const answer = await within(UPGRADE_MS, asked);
  if (!answer.webSocket) return await answer.text();
  return new Response(null, { status: 101, webSocket: answer.webSocket, headers: toHeaders(headers) });
}

/** Numbers of sockets, for as long as the object is awake. */
const numbers = new WeakMap();

export function socketNumber(socket) {
  return numbers.get(socket) ?? 0;
}

export function numberSocket(socket, number) {
  numbers.set(socket, number);
}

/** How many bytes are on their way to the other end. */
export function bufferedAmount(socket) {
  return socket.bufferedAmount ?? 0;
}

/** Length of a text message in characters; -1 for one of bytes. */
export function messageLength(message) {
  return typeof message === "string" ? message.length : -1;
}

/** The object's open sockets. */
export function openSockets(state) {
  return state.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
}

/** What was kept with a socket: a string or undefined. */
export function socketState(socket) {
  return socket.deserializeAttachment() ?? undefined;
}

export function keepState(socket, text) {
  socket.serializeAttachment(text);
}

export function sendText(socket, text) {
  socket.send(text);
}

/** The bytes are those of the Wasm memory, which may change before they are gone. */
export function sendBytes(socket, bytes) {
  const { buffer } = bytes.slice();
  socket.send(buffer);
  free(buffer);
}

export function closeSocket(socket, code, reason) {
  socket.close(code, reason);
}
