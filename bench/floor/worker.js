// The floor: the least that a Worker with a Durable Object can do. The Worker asks the object, the object answers,
// the Worker fetches the upstream and returns its body. No rules, no reading of anything, no storage.

/** Does nothing but answer. Has SQLite storage, as ours has, and leaves it alone. */
export class Floor {
  fetch() {
    return new Response("ok");
  }
}

export default {
  async fetch(request, env) {
    const body = await request.arrayBuffer();
    const stub = env.OBJECT.getByName("floor");
    const answer = await stub.fetch("https://object/", { method: "POST", body: "{}" });
    await answer.text();
    const response = await fetch(`${env.UPSTREAM}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return new Response(response.body, { status: response.status, headers: response.headers });
  },
};
