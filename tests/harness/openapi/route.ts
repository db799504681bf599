// Which part of the contract a request falls under: its surface, its operation, or the rules for what is not listed.
//
// It follows the contract's own order: the host decides the surface before the path is looked at, and a path is matched
// before the method. Where two templates match, the one with more literal segments wins.

import {
  contract,
  METHODS,
  type Operation,
  type Parameter,
  type PathItem,
  type ResponseRules,
  resolve,
  type Surface,
} from "./document.ts";

/** What of a request decides which rules its answer falls under. */
export interface Asked {
  method: string;
  /** Absolute, or a path alone. */
  url: string | URL;
  /** The Host header, if it is not the one of `url`. */
  host?: string | undefined;
  /** Said outright where neither host nor path tells it. */
  surface?: Surface | undefined;
}

/** The rules for the answers to one request. */
export interface Route {
  surface: Surface;
  /** For messages: the operation, or what was asked. */
  label: string;
  operation: Operation | null;
  responses: ResponseRules;
  /** What `Allow` must hold; null for a path that is not listed. */
  allow: Set<string> | null;
}

interface Template {
  path: string;
  surfaces: Surface[];
  item: PathItem;
  pattern: RegExp;
  literals: number;
  slashes: boolean;
}

/** Paths that several surfaces have. */
const SHARED: Record<string, Surface[]> = {
  "/openapi.json": ["endpoint", "control", "network"],
  "/healthz": ["control", "network"],
  "/readyz": ["control", "network"],
};

const AGENT_HOST = /^(?:[^.]+\.agent\.|agent-[^.]+\.)/;
const BY_PATH = /^\/agents\/[^/]+(\/.*)?$/;

const templates: Template[] = Object.entries(contract.paths)
  .map(([path, item]) => template(path, item))
  .sort((a, b) => b.literals - a.literals);

/** Finds the rules for a request; `routes` has more than one where a plain slash leaves two readings. */
export function routes(asked: Asked): Route[] {
  const url = new URL(asked.url, "http://127.0.0.1");
  const { surface, path } = place(url, asked);
  const method = asked.method.toUpperCase();
  const unmatched = contract["x-unmatched"][surface];
  const nowhere: Route = {
    surface,
    label: `${method} ${url.pathname} (${surface} surface, not listed)`,
    operation: null,
    responses: unmatched.path,
    allow: null,
  };
  const found = templates.find((t) => t.surfaces.includes(surface) && t.pattern.test(path));
  if (found === undefined) {
    return [nowhere];
  }
  const operation = found.item[(method === "HEAD" ? "get" : method.toLowerCase()) as keyof PathItem] as
    | Operation
    | undefined;
  const route: Route = {
    surface,
    label: `${method} ${found.path}`,
    operation: operation ?? null,
    responses: operation?.responses ?? unmatched.method,
    allow: methodsOf(found.item, surface),
  };
  return found.slashes && path.split("/").length > found.path.split("/").length ? [route, nowhere] : [route];
}

/** The methods that a path is served with, as `Allow` lists them. */
export function methodsOf(item: PathItem, surface?: Surface): Set<string> {
  const names = METHODS.filter((method) => item[method] !== undefined).map((method) => method.toUpperCase());
  // Every path of the network takes GET, if only to be sent to the console.
  if (surface === "network") {
    names.push("GET", ...(item["x-more-methods"] ?? []));
  }
  return new Set(names.includes("GET") ? [...names, "HEAD"] : names);
}

/** The parameters of an operation, those of its path included. */
export function parametersOf(item: PathItem, operation: Operation): Parameter[] {
  return [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((p) => resolve<Parameter>(p));
}

function place(url: URL, asked: Asked): { surface: Surface; path: string } {
  const host = (asked.host ?? url.hostname).toLowerCase();
  const own = AGENT_HOST.test(host);
  const byPath = own ? null : BY_PATH.exec(url.pathname);
  const surface = asked.surface ?? (own || byPath !== null ? "endpoint" : shared(host, url.pathname));
  return { surface, path: byPath !== null && surface === "endpoint" ? (byPath[1] ?? "/") : url.pathname };
}

/** The surface of a path on a host that is no agent's. */
function shared(host: string, path: string): Surface {
  return /^(?:api|agent)\./.test(host) || path.startsWith("/api/v1/") || path === "/openapi.json"
    ? "control"
    : "network";
}

function template(path: string, item: PathItem): Template {
  const parameters = (item.parameters ?? []).map((p) => resolve<Parameter>(p));
  let literals = 0;
  let slashes = false;
  const parts = path.split("/").map((segment) => {
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      literals += 1;
      return segment.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    }
    const allowed = parameters.find((p) => p.in === "path" && p.name === name)?.["x-allow-slash"];
    slashes ||= allowed === "once";
    if (allowed === "always") {
      return ".+";
    }
    return allowed === "once" ? "[^/]+(?:/[^/]+)?" : "[^/]+";
  });
  const own = item["x-surface"] ?? (item.servers === undefined ? "control" : "endpoint");
  const surfaces: Surface[] = SHARED[path] ?? [own];
  return { path, surfaces, item, pattern: new RegExp(`^${parts.join("/")}$`), literals, slashes };
}
