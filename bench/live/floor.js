// The floor of live delivery: a room that stores each message and tells a hub, which stores it, too, and sends it to
// everybody who is attached, in the frames of the protocol. No rules: nobody is looked up, everybody is told everything,
// nothing can be resumed.

const PROTOCOL = "moltnet.attach.v1";
const HELLO = JSON.stringify({
  op: "HELLO",
  version: PROTOCOL,
  heartbeat_interval_ms: 60_000,
  capabilities: {},
});
const READY = JSON.stringify({ op: "READY", version: PROTOCOL, network_id: "local", capabilities: {} });
const LOG = "CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL)";

export class Room {
  #waiting = [];
  #telling = false;

  constructor(state, env) {
    this.hub = env.HUB.getByName("hub");
    this.sql = state.storage.sql;
    this.sql.exec(LOG);
  }

  async fetch(request) {
    const message = JSON.parse(await request.text());
    const id = `evt_${crypto.randomUUID()}`;
    message.id = `msg_${id}`;
    const event = JSON.stringify({ id, type: "message.created", network_id: "local", message });
    this.sql.exec("INSERT INTO log (id, body) VALUES (?, ?)", id, event);
    this.#waiting.push({ id, event });
    this.#tell();
    return new Response(`{"message_id":"${message.id}","accepted":true}`);
  }

  /** One message to the hub at a time, which takes along what has come meanwhile. */
  async #tell() {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#waiting.length > 0) {
      const body = JSON.stringify(this.#waiting.splice(0));
      await (await this.hub.fetch("https://object/", { method: "POST", body })).text();
    }
    this.#telling = false;
  }
}

export class Hub {
  constructor(state) {
    this.state = state;
    this.sql = state.storage.sql;
    this.sql.exec(LOG);
  }

  async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      this.state.acceptWebSocket(server);
      server.send(HELLO);
      return new Response(null, { status: 101, webSocket: client });
    }
    const events = JSON.parse(await request.text());
    const sockets = this.state.getWebSockets();
    for (const { id, event } of events) {
      this.sql.exec("INSERT INTO log (id, body) VALUES (?, ?)", id, event);
      const frame = `{"op":"EVENT","version":"${PROTOCOL}","network_id":"local","cursor":"${id}","event":${event}}`;
      for (const socket of sockets) socket.send(frame);
    }
    return new Response("{}");
  }

  webSocketMessage(socket, text) {
    if (JSON.parse(text).op === "IDENTIFY") socket.send(READY);
  }
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/attach") return env.HUB.getByName("hub").fetch(request);
    if (pathname !== "/v1/messages") return new Response("{}", { status: 201 });
    const body = await request.text();
    const room = env.ROOM.getByName("room");
    const answer = await room.fetch("https://object/", { method: "POST", body });
    return new Response(await answer.text(), { status: 202 });
  },
};
