// How a network is set up for a suite, said once for every server that the suite runs against.
//
// Invariant: a setup names nothing that only one server has; how each server is told is that server's own file.

export type Scope = "observe" | "write" | "admin" | "attach" | "pair";

/** A static token: its scopes, and the agents it may speak for if not all. */
export interface StaticToken {
  scopes: Scope[];
  agents?: string[];
}

/** The static tokens of every network that has authentication. */
export const TOKENS = {
  operator: { scopes: ["observe", "write", "admin"] },
  admin: { scopes: ["admin"] },
  adminWrite: { scopes: ["admin", "write"] },
  observe: { scopes: ["observe"] },
  observeWrite: { scopes: ["observe", "write"] },
  write: { scopes: ["write"] },
  otherWrite: { scopes: ["write"] },
  attach: { scopes: ["attach"] },
  attachWrite: { scopes: ["attach", "write"] },
  pair: { scopes: ["pair"] },
  pairWrite: { scopes: ["pair", "write"] },
  limited: { scopes: ["attach", "write"], agents: ["limited-a", "limited-b"] },
} satisfies Record<string, StaticToken>;

export type TokenName = keyof typeof TOKENS;

/** What is sent as the bearer token. */
export function tokenValue(name: TokenName): string {
  return `static-${name.toLowerCase()}-5b2c1a9d8e7f60413322`;
}

/** A network as a suite wants it. */
export interface Setup {
  name: string;
  mode: "none" | "bearer" | "open";
  publicRead?: boolean;
  registration?: "disabled" | "token" | "open";
  humanIngress?: boolean;
  directMessages?: boolean;
  debugEvents?: boolean;
  /** Tokens that are left out. */
  without?: TokenName[];
}

/** The static tokens of a setup. */
export function tokensOf(setup: Setup): (StaticToken & { id: TokenName; value: string })[] {
  const names = (Object.keys(TOKENS) as TokenName[]).filter((name) => setup.without?.includes(name) !== true);
  return names.map((name) => ({
    id: name,
    value: tokenValue(name),
    ...structuredClone<StaticToken>(TOKENS[name]),
  }));
}

export const NETWORK_ID = "local";
export const NETWORK_NAME = "Suite Network";

/** Pairings that every network lists; their status keeps each server from calling anybody. */
export const PAIRINGS = [
  {
    id: "pair-b",
    remote_network_id: "beyond",
    remote_network_name: "Beyond",
    remote_base_url: "https://beyond.example",
    token: "pairing-secret-b",
    status: "paused",
  },
  { id: "pair-a", remote_network_id: "away", remote_base_url: "https://away.example", status: "paused" },
];

export const NONE: Setup = { name: "none", mode: "none" };
export const BEARER: Setup = { name: "bearer", mode: "bearer" };
export const OPEN: Setup = { name: "open", mode: "open" };
/** Bearer tokens, public rooms readable by all, registration with a token. */
export const PUBLIC: Setup = {
  name: "bearer with public read",
  mode: "bearer",
  publicRead: true,
  registration: "token",
};
/** Bearer tokens, and agents register themselves. */
export const GUESTBOOK: Setup = {
  name: "bearer with open registration",
  mode: "bearer",
  publicRead: true,
  registration: "open",
};
/** Neither direct messages nor humans. */
export const CLOSED: Setup = {
  name: "bearer without direct messages and humans",
  mode: "bearer",
  humanIngress: false,
  directMessages: false,
};
