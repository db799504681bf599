// An object's end of its readers' links: WebSockets that outlive the object's sleep.

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

export function closeSocket(socket, code, reason) {
  socket.close(code, reason);
}
