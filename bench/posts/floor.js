// The floor of posting: the least that a Worker and an object with a log can do. The Worker hands the body to the
// room's object, the object stores it and answers. No rules, no reading of anything, no ids of our own.
//
// `/single` stores each message in a commit of its own; `/shared` lets messages wait for the next turn of the event
// loop, so that all that came by then share one.

class Log {
  constructor(state) {
    this.sql = state.storage.sql;
    this.sql.exec(`CREATE TABLE IF NOT EXISTS log (
      offset INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body TEXT NOT NULL
    )`);
  }

  insert(body) {
    const id = `msg_${crypto.randomUUID()}`;
    this.sql.exec("INSERT INTO log (id, at, body) VALUES (?, ?, ?)", id, Date.now(), body);
    return `{"message_id":"${id}","event_id":"evt_${id}","accepted":true,"thread_created":false,"dm_created":false}`;
  }
}

export class Single extends Log {
  async fetch(request) {
    return new Response(this.insert(await request.text()));
  }
}

export class Shared extends Log {
  waiting = [];

  async fetch(request) {
    const body = await request.text();
    const answer = await new Promise((resolve) => {
      if (this.waiting.push({ body, resolve }) === 1) setTimeout(() => this.commit(), 0);
    });
    return new Response(answer);
  }

  commit() {
    const all = this.waiting;
    this.waiting = [];
    const answers = all.map(({ body }) => this.insert(body));
    for (const [at, { resolve }] of all.entries()) resolve(answers[at]);
  }
}

export default {
  async fetch(request, env) {
    const body = await request.text();
    const room = JSON.parse(body).target.room_id;
    const objects = request.url.endsWith("/shared") ? env.SHARED : env.SINGLE;
    const answer = await objects.getByName(room).fetch("https://object/", { method: "POST", body });
    return new Response(await answer.text(), { status: 202 });
  },
};
