// Which imports of a Wasm module are called without anything that would catch what they throw.
//
// A JavaScript function that throws into Wasm unwinds it without running destructors, and a `RefCell` stays borrowed
// for ever. wasm-bindgen keeps that from happening for externs with `catch`: it calls them inside a `try_table` that
// catches JavaScript's exceptions by their tag and stores them, so that Rust gets an `Err`. This reads the text form of
// the module that was built and looks for that around every call.
//
// Invariant: a call that is not understood counts as not wrapped.

/** One import of the module: its function's name inside the module, and its name outside. */
export interface Import {
  internal: string;
  external: string;
}

const IMPORT = /^ \(import "[^"]*" "([^"]*)" \((func|tag) (\$"(?:[^"\\]|\\.)*"|\$[^\s()]+)/;
const CALL = /^(\s*)\((?:return_)?call (\$"(?:[^"\\]|\\.)*"|\$[^\s()]+)/;
const REFERENCE = /\(ref\.func (\$"(?:[^"\\]|\\.)*"|\$[^\s()]+)/;
const TRY = /^(\s*)\(try_table .*\(catch (\S+) (\$[^\s()]+)\)/;
const BLOCK = /^(\s*)\(block (\$[^\s()]+) \(result externref\)/;
const STORE = /\(call \$__wbindgen_exn_store\b/;
const FUNCTION = /^ \(func /;

/** The JavaScript tag and the imported functions. */
export function importsOf(lines: string[]): { tag: string | null; functions: Import[] } {
  const functions: Import[] = [];
  let tag: string | null = null;
  for (const line of lines) {
    const found = IMPORT.exec(line);
    if (found === null) {
      continue;
    }
    const [, external = "", kind, internal = ""] = found;
    if (kind === "tag") {
      tag = external === "__wbindgen_jstag" ? internal : tag;
    } else {
      functions.push({ internal, external });
    }
  }
  return { tag, functions };
}

/** For each of these functions, how often it is called, and on which lines nothing catches what it throws. */
export function callsOf(
  lines: string[],
  wanted: ReadonlySet<string>,
): Map<string, { calls: number; bare: number[] }> {
  const { tag } = importsOf(lines);
  const found = new Map<string, { calls: number; bare: number[] }>();
  // The try_tables that enclose the current line, by their indentation.
  let open: { depth: number; catches: boolean }[] = [];
  const entry = (name: string) => {
    const known = found.get(name) ?? { calls: 0, bare: [] };
    found.set(name, known);
    return known;
  };
  for (const [at, line] of lines.entries()) {
    if (FUNCTION.test(line)) {
      open = [];
    }
    const depth = line.length - line.trimStart().length;
    if (line.trim() !== "") {
      open = open.filter((enclosing) => enclosing.depth < depth);
    }
    const attempt = TRY.exec(line);
    if (attempt !== null) {
      open.push({ depth, catches: attempt[2] === tag && stores(lines, at, attempt[3] ?? "") });
    }
    const call = CALL.exec(line)?.[2];
    if (call !== undefined && wanted.has(call)) {
      entry(call).calls += 1;
      if (open.at(-1)?.catches !== true) {
        entry(call).bare.push(at + 1);
      }
    }
    // A function whose address is taken can be called from anywhere.
    const reference = REFERENCE.exec(line)?.[1];
    if (reference !== undefined && wanted.has(reference)) {
      entry(reference).bare.push(at + 1);
    }
  }
  return found;
}

/** Whether what is caught goes to `label` and is stored from there, before the function or another attempt begins. */
function stores(lines: string[], attempt: number, label: string): boolean {
  let at = attempt;
  let depth = -1;
  while (at >= 0 && depth < 0 && !FUNCTION.test(lines[at] ?? "")) {
    const block = BLOCK.exec(lines[at] ?? "");
    depth = block?.[2] === label ? (block[1] ?? "").length : -1;
    at -= 1;
  }
  if (depth < 0) {
    return false;
  }
  for (let next = attempt + 1; next < lines.length; next += 1) {
    const line = lines[next] ?? "";
    if (STORE.test(line)) {
      return line.length - line.trimStart().length <= depth;
    }
    if (FUNCTION.test(line) || TRY.test(line)) {
      return false;
    }
  }
  return false;
}
