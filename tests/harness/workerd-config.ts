// Cap'n Proto configuration for `workerd serve`: our Worker, or any other, with objects on local disk
// and without D1, wrangler or Miniflare. The benchmarks use it, too.
//
// Invariant: every text value is escaped; paths are absolute, so that the file may lie anywhere.

/** One module of a Worker, in the order in which workerd gets them: the first is the entry. */
export interface WorkerModule {
  name: string;
  path: string;
  type: "esModule" | "wasm" | "text" | "json";
}

export interface RawWorkerd {
  modules: WorkerModule[];
  compatibilityDate: string;
  compatibilityFlags?: string[];
  vars?: Record<string, string>;
  /** Bindings with a value parsed from JSON. */
  json?: Record<string, unknown>;
  /** Binding name → class name; each class keeps its data in a folder named after it. */
  objects?: Record<string, string>;
  /** Bindings of the Worker to itself. */
  self?: string[];
  /** `host:port` to which all outbound requests go. Default: wherever their URL says, loopback included. */
  outbound?: string;
  /** Takes the scheme of the URL from `x-forwarded-proto`, as behind TLS. */
  behindTls?: boolean;
}

/** The name of the listening socket: `workerd serve` is told its address by `--socket-addr`. */
export const SOCKET = "http";

const WORKER = "worker";
const DISK = "disk";
const OUTBOUND = "outbound";

function text(value: string): string {
  const escaped = value.replace(/[\\"\n\r\t]/g, (character) => {
    const named: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
    return named[character] ?? character;
  });
  return `"${escaped}"`;
}

function list(entries: string[], indent: string): string {
  return entries.length === 0
    ? "[]"
    : `[\n${entries.map((entry) => `${indent}  ${entry}`).join(",\n")}\n${indent}]`;
}

function bindings(worker: RawWorkerd): string[] {
  return [
    ...Object.entries(worker.vars ?? {}).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
    ...Object.entries(worker.json ?? {}).map(
      ([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`,
    ),
    ...Object.entries(worker.objects ?? {}).map(
      ([name, className]) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...(worker.self ?? []).map((name) => `(name = ${text(name)}, service = ${text(WORKER)})`),
  ];
}

function outbound(worker: RawWorkerd): string {
  return worker.outbound === undefined
    ? `(name = "${OUTBOUND}", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))`
    : `(name = "${OUTBOUND}", external = (address = ${text(worker.outbound)}, http = ()))`;
}

/** The whole file. `dataFolder` must exist. */
export function workerdConfig(worker: RawWorkerd, dataFolder: string): string {
  const classes = [...new Set(Object.values(worker.objects ?? {}))];
  const modules = worker.modules.map(
    ({ name, path, type }) => `(name = ${text(name)}, ${type} = embed ${text(path)})`,
  );
  const namespaces = classes.map(
    (name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`,
  );
  const forwarded = worker.behindTls === true ? 'forwardedProtoHeader = "x-forwarded-proto"' : "";
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "${WORKER}", worker = .worker),
    (name = "${DISK}", disk = (path = ${text(dataFolder)}, writable = true)),
    ${outbound(worker)}
  ],
  sockets = [(name = "${SOCKET}", address = "127.0.0.1:0", http = (${forwarded}), service = "${WORKER}")]
);

const worker :Workerd.Worker = (
  modules = ${list(modules, "  ")},
  compatibilityDate = ${text(worker.compatibilityDate)},
  compatibilityFlags = ${list((worker.compatibilityFlags ?? []).map(text), "  ")},
  bindings = ${list(bindings(worker), "  ")},
  durableObjectNamespaces = ${list(namespaces, "  ")},
  durableObjectStorage = (localDisk = "${DISK}"),
  globalOutbound = "${OUTBOUND}"
);
`;
}
