// Where an agent's endpoint is.

/** What `new URL` makes of a loopback host. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** An id, an alias, or the name of one by an account's owner: what stands in a host or in a path. */
const AGENT = /^[a-z0-9][a-z0-9-]{1,62}$/;

/**
 * The address before `/v1/…`, without a slash at its end.
 *
 * `endpoint` is the host that serves all agents by path (`https://agent.example.com`, `http://127.0.0.1:8787`), or the
 * agent's own address as `moltghost status NAME --url` prints it; a `/v1` at its end is left out.
 *
 * @throws TypeError if one of the two cannot be used; plain HTTP off loopback is refused unless `allowHttp`, as it
 *   would show the key to the network.
 */
export function agentAddress(endpoint: string, agentId: string, allowHttp: boolean): string {
  if (!AGENT.test(agentId)) {
    throw new TypeError(`agentId ${JSON.stringify(agentId)} is neither an id nor an alias of an agent`);
  }
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new TypeError(`endpoint ${JSON.stringify(endpoint)} is not an address: it begins with https://`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError("endpoint is a scheme, a host and perhaps a path: no user, query or fragment");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new TypeError(`endpoint begins with https://, not with ${url.protocol}//`);
  }
  if (url.protocol === "http:" && !allowHttp && !LOOPBACK.test(url.hostname)) {
    throw new TypeError(
      `endpoint ${url.origin} would send the key in the clear: use https, or set allowHttp`,
    );
  }
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  const own = [`${agentId}.`, `agent-${agentId}.`, `pending-${agentId}.`];
  const byHost = own.some((start) => url.hostname.startsWith(start));
  const byPath = path.endsWith(`/agents/${agentId}`);
  return url.origin + path + (byHost || byPath ? "" : `/agents/${agentId}`);
}
