// Every credential of the deployment at every door: it opens its own, and where somebody has stolen it and tries another
// door, it opens nothing. Each pair is tried; each door is seen to open for its own, so that no refusal is for another reason.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { type Pod, startPod } from "../fixtures/pod/index.ts";
import { ask, OPERATOR_TOKEN, type RunningWorker, startWorker, together } from "../harness/index.ts";
import { issue } from "../harness/issued.ts";
import { control, type Tenant, tenant } from "../harness/tenant.ts";

const NETWORK_TOKEN = "network-token-of-the-stolen-suite-0000";
issue("the network's token", NETWORK_TOKEN);
const PAGE = "https://app.example";

const KINDS = [
  "key",
  "another agent's key",
  "ticket",
  "another agent's ticket",
  "connect token",
  "another agent's connect token",
  "account token",
  "operator token",
  "console cookie",
  "network token",
  "attach token",
] as const;
type Kind = (typeof KINDS)[number];

interface Door {
  /** Who may pass. */
  opens: Kind[];
  /** Statuses of a refusal: 401, or 403 where who comes is known there and may not do this. */
  refuses: number[];
  path: () => string;
  method?: string;
  body?: unknown;
  upgrade?: boolean;
  /** How the credential is shown. */
  headers: (credential: string) => Record<string, string>;
}

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });

let worker: RunningWorker;
let pod: Pod;
let mine: Tenant;
let theirs: Tenant;
let tunnelled: Tenant;
let held: Record<Kind, string>;

const DOORS: Record<string, Door> = {
  "an agent's chat": {
    opens: ["key"],
    refuses: [401],
    path: () => `${mine.path}/v1/chat`,
    body: { prompt: "x" },
    headers: bearer,
  },
  "an agent's chat, in a cookie": {
    opens: [],
    refuses: [401],
    path: () => `${mine.path}/v1/chat`,
    body: { prompt: "x" },
    headers: (credential) => ({
      cookie: `moltghost_session=${credential}; moltnet_auth=${credential}; token=${credential}`,
    }),
  },
  "an agent's status": {
    opens: ["key"],
    refuses: [401],
    path: () => `${mine.path}/v1/status`,
    headers: bearer,
  },
  "an agent's tickets": {
    opens: ["key"],
    refuses: [401],
    path: () => `${mine.path}/v1/ws-ticket`,
    method: "POST",
    headers: bearer,
  },
  "an agent's socket": {
    opens: ["key"],
    refuses: [401],
    path: () => `${mine.path}/ws`,
    upgrade: true,
    headers: bearer,
  },
  "an agent's socket, as a ticket": {
    opens: ["ticket"],
    refuses: [401],
    path: () => `${mine.path}/ws`,
    upgrade: true,
    headers: (credential) => ({
      origin: PAGE,
      "sec-websocket-protocol": `molti.v1, molti.ticket.${credential}`,
    }),
  },
  "an agent's tunnel": {
    opens: ["connect token"],
    refuses: [401],
    path: () => `${tunnelled.path}/_connect`,
    upgrade: true,
    headers: bearer,
  },
  "the control API": {
    opens: ["account token", "operator token"],
    refuses: [401],
    path: () => `/api/v1/agents?account=${mine.account}`,
    headers: bearer,
  },
  "the control API, with a cookie": {
    opens: ["console cookie"],
    refuses: [401],
    path: () => `/api/v1/agents?account=${mine.account}`,
    headers: (credential) => ({ cookie: `moltghost_session=${credential}` }),
  },
  "the operator's part of the control API": {
    opens: ["operator token"],
    refuses: [401, 403],
    path: () => "/api/v1/accounts",
    headers: bearer,
  },
  "the operator's part of the control API, with a cookie": {
    opens: [],
    refuses: [401, 403],
    path: () => "/api/v1/accounts",
    headers: (credential) => ({ cookie: `moltghost_session=${credential}` }),
  },
  "the network": {
    opens: ["network token", "attach token"],
    refuses: [401, 403],
    path: () => "/v1/agents",
    headers: bearer,
  },
  "the network, with a cookie": {
    // As the original's: the console's cookie holds the token itself.
    opens: ["network token", "attach token"],
    refuses: [401, 403],
    path: () => "/v1/agents",
    headers: (credential) => ({ cookie: `moltnet_auth=${credential}`, "sec-fetch-site": "same-origin" }),
  },
  "the network's administration": {
    opens: ["network token"],
    refuses: [401, 403],
    path: () => "/v1/apply",
    body: { rooms: [], agents: [] },
    headers: bearer,
  },
  "the network's attachments": {
    opens: ["attach token"],
    refuses: [401, 403],
    path: () => "/v1/attach",
    upgrade: true,
    headers: bearer,
  },
};

/** Knocks; the status, whether it is an answer or an upgrade. */
function knock(door: Door, credential: string): Promise<{ status: number; text: string }> {
  const body = door.body === undefined ? undefined : JSON.stringify(door.body);
  const upgrade = door.upgrade
    ? {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      }
    : {};
  return new Promise((resolve, reject) => {
    const going = request(new URL(door.path(), worker.url), {
      method: door.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...upgrade,
        ...door.headers(credential),
      },
      agent: false,
    });
    going.on("error", reject);
    going.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, text: "" });
    });
    going.on("response", async (response) => {
      let text = "";
      for await (const chunk of response) {
        text += chunk;
      }
      resolve({ status: response.statusCode ?? 0, text });
    });
    going.end(body);
  });
}

async function ticket(of: Tenant): Promise<string> {
  const answer = await of.call("/v1/ws-ticket", { method: "POST", headers: { origin: PAGE } });
  const made = answer.json<{ ticket: string }>().ticket;
  issue("a ticket", made);
  return made;
}

function cookieOf(header: string | undefined, name: string): string {
  const value = new RegExp(`${name}=([^;]+)`).exec(header ?? "")?.[1];
  assert.ok(value !== undefined, `no ${name} in ${header}`);
  return value;
}

async function connectToken(of: Tenant): Promise<string> {
  const answer = await control(worker, `/agents/${of.id}/connect-token`, { method: "POST" });
  return answer.json<{ connect_token: string }>().connect_token;
}

before(async () => {
  const vars = { AUTH: "open", ADMIN_TOKEN: NETWORK_TOKEN };
  [worker, pod] = await together([startWorker({ vars }), startPod()]);
  [mine, theirs, tunnelled] = await Promise.all([
    tenant(worker, pod),
    tenant(worker, pod),
    tenant(worker, null),
  ]);
  const made = await control(worker, `/accounts/${mine.account}/tokens`, { json: { name: "stolen" } });
  const accountToken = made.json<{ token: string }>().token;
  const session = await ask(`${worker.url}/api/v1/session`, {
    method: "POST",
    headers: { authorization: `Bearer ${accountToken}`, "content-type": "application/json" },
  });
  assert.equal(session.status, 201, session.text);
  const registered = await ask(`${worker.url}/v1/agents/register`, { json: { requested_agent_id: "alpha" } });
  assert.equal(registered.status, 201, registered.text);
  held = {
    key: mine.key,
    "another agent's key": theirs.key,
    ticket: await ticket(mine),
    "another agent's ticket": await ticket(theirs),
    "connect token": await connectToken(tunnelled),
    "another agent's connect token": await connectToken(theirs),
    "account token": accountToken,
    "operator token": OPERATOR_TOKEN,
    "console cookie": cookieOf(session.header("set-cookie"), "moltghost_session"),
    "network token": NETWORK_TOKEN,
    "attach token": registered.json<{ agent_token: string }>().agent_token,
  };
});
after(async () => {
  await worker?.stop();
  await pod?.close();
});

describe("a stolen credential", () => {
  for (const [name, door] of Object.entries(DOORS)) {
    // First all that must not open: a ticket that does is used up.
    for (const kind of KINDS.filter((one) => !door.opens.includes(one))) {
      it(`does not open ${name}: ${kind}`, async () => {
        const { status, text } = await knock(door, held[kind]);
        assert.ok(door.refuses.includes(status), `${status}: ${text}`);
        assert.ok(!text.includes(held[kind]), text);
      });
    }
    for (const kind of door.opens) {
      it(`opens ${name}, where it belongs: ${kind}`, async () => {
        const credential = kind === "ticket" ? await ticket(mine) : held[kind];
        const { status, text } = await knock(door, credential);
        assert.equal(status, door.upgrade ? 101 : 200, text);
      });
    }
  }
});
