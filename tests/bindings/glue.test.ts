// Nothing that our JavaScript glue throws unwinds Wasm: every extern has `catch`, and in the module that was built
// every call of one is inside wasm-bindgen's catch handling.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { BUILD, ROOT } from "../harness/paths.ts";
import { callsOf, importsOf } from "./wrapped.ts";

const SOURCE = join(ROOT, "durable", "src", "bindings", "glue.rs");
/** The module path of the externs, which the debug build keeps in the names of its imports. */
const OURS = "moltghost_durable::bindings::glue::";

/** Functions of an extern block and the attribute before each. */
function externs(source: string): { name: string; attribute: string }[] {
  const body = source.slice(source.indexOf('extern "C" {'));
  return [...body.matchAll(/(?:#\[wasm_bindgen(?:\(([^\]]*)\))?\]\s*)?pub fn (\w+)/g)].map((found) => ({
    name: found[2] ?? "",
    attribute: found[1] ?? "",
  }));
}

/** Externs without `catch`. */
function uncaught(source: string): string[] {
  const caught = (attribute: string) => attribute.split(",").some((part) => part.trim() === "catch");
  return externs(source)
    .filter(({ attribute }) => !caught(attribute))
    .map(({ name }) => name);
}

function disassembled(wasm: string): string[] {
  const program = join(ROOT, "node_modules", ".bin", "wasm-dis");
  const { stdout, status, stderr } = spawnSync(program, ["--all-features", wasm, "-o", "-"], {
    encoding: "utf8",
    maxBuffer: 512 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return stdout.split("\n");
}

// Node has it; the types of a browser, which tell of it, are not loaded here.
const { Module } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: {
        new (bytes: Uint8Array): object;
        imports(module: object): { module: string; name: string; kind: string }[];
      };
    };
  }
).WebAssembly;

function importNames(path: string): string[] {
  return Module.imports(new Module(readFileSync(path)))
    .map(({ module: from, name, kind }) => `${from} ${name} ${kind}`)
    .sort();
}

describe("the externs of the glue", () => {
  const source = readFileSync(SOURCE, "utf8");

  it("all have catch", () => {
    assert.ok(externs(source).length >= 20, "the externs were not found");
    assert.deepEqual(uncaught(source), []);
  });

  it("are the only ones of a JavaScript file of ours", () => {
    const found = spawnSync(
      "grep",
      ["-rlE", "wasm_bindgen\\((module|inline_js|raw_module)", "src", "durable/src"],
      {
        cwd: ROOT,
        encoding: "utf8",
      },
    );
    assert.deepEqual(found.stdout.trim().split("\n"), ["durable/src/bindings/glue.rs"]);
  });

  it("would be found without it", () => {
    const sample = `#[wasm_bindgen(module = "/x.js")] extern "C" {
      #[wasm_bindgen(catch)] pub fn good();
      #[wasm_bindgen(js_name = catchAll)] pub fn bad();
      #[wasm_bindgen] pub fn worse();
      pub fn worst();
    }`;
    assert.deepEqual(uncaught(sample), ["bad", "worse", "worst"]);
  });
});

describe("the module that was built", () => {
  let lines: string[];
  before(() => {
    lines = disassembled(join(BUILD, "debug", "index_bg.wasm"));
  });

  it("calls the glue only where what it throws is caught", () => {
    const { tag, functions } = importsOf(lines);
    assert.ok(tag, "the module does not import JavaScript's exception tag");
    const ours = functions.filter(({ internal }) => internal.includes(OURS));
    const calls = callsOf(lines, new Set(ours.map(({ internal }) => internal)));
    for (const { internal, external } of ours) {
      const found = calls.get(internal);
      assert.ok(found !== undefined && found.calls > 0, `${external} is imported and never called`);
      assert.deepEqual(found.bare, [], `${external} is called outside catch handling`);
    }
    const known = new Set(externs(readFileSync(SOURCE, "utf8")).map(({ name }) => name));
    const imported = ours.map(({ internal }) => internal.split(OURS)[1]?.split("::") ?? []);
    for (const path of imported) {
      assert.ok(
        path.some((part) => known.has(part)),
        `${path.join("::")} is no extern of the source`,
      );
    }
    // One that nothing calls is not in the module.
    assert.ok(ours.length >= 20, `only ${ours.length} externs are imported`);
  });

  it("calls an import without catch bare: the judgement can tell them apart", () => {
    const { functions } = importsOf(lines);
    const other = functions.filter(({ internal }) => internal.includes("js_sys::Date::now"));
    assert.equal(other.length, 1, "there is no import without catch to compare with");
    const calls = callsOf(lines, new Set(other.map(({ internal }) => internal)));
    assert.ok((calls.get(other[0]?.internal ?? "")?.bare.length ?? 0) > 0);
  });

  it("is the one that is deployed, but for names", () => {
    assert.deepEqual(
      importNames(join(BUILD, "index_bg.wasm")),
      importNames(join(BUILD, "debug", "index_bg.wasm")),
    );
    const script = readFileSync(join(BUILD, "index.js"), "utf8");
    assert.match(script, /__wbindgen_jstag:\s*WebAssembly\.JSTag/);
  });

  it("gets each function and class that the glue exports through one of those externs", () => {
    const source = readFileSync(SOURCE, "utf8");
    const files = [...source.matchAll(/module = "\/(src\/bindings\/\w+\.js)"/g)].map(([, path = ""]) =>
      readFileSync(join(ROOT, "durable", path), "utf8"),
    );
    assert.ok(files.length > 0, "the source names no JavaScript");
    // What one file of the glue takes from another never meets Wasm.
    const shared = files
      .flatMap((file) => [...file.matchAll(/^import \{([^}]*)\}/gm)])
      .flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()));
    const exported = files
      .flatMap((file) => [...file.matchAll(/^export (?:async )?(?:function|class) (\w+)/gm)])
      .map(([, name = ""]) => name);
    assert.ok(exported.length >= 15);
    for (const name of exported.filter((name) => !shared.includes(name))) {
      const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      assert.ok(
        source.includes(name) || source.includes(snake),
        `${name} is exported and no extern names it`,
      );
    }
  });
});

describe("the judgement", () => {
  const wrapped = `
 (import "./x.js" "__wbg_f_1" (func $f (param i32)))
 (import "./x.js" "__wbindgen_jstag" (tag $eimport$0 (type $0) (param externref)))
 (func $caller
  (block $out
   (throw_ref
    (block $all (result exnref)
     (local.set $1
      (block $js (result externref)
       (try_table (catch $eimport$0 $js) (catch_all_ref $all)
        (call $f
         (i32.const 1)
        )
        (br $out)
       )
       (unreachable)
      )
     )
     (call $__wbindgen_exn_store
      (local.get $0)
     )
     (br $out)
    )
   )
  )
 )`.split("\n");
  const bare = (lines: string[]) => callsOf(lines, new Set(["$f"])).get("$f")?.bare.length;

  it("lets a wrapped call pass", () => {
    assert.equal(bare(wrapped), 0);
  });

  it("finds a call without the wrapper", () => {
    const lines = [...wrapped, " (func $other", "  (call $f", "   (i32.const 1)", "  )", " )"];
    assert.equal(bare(lines), 1);
    const after = wrapped.flatMap((line) =>
      line.includes("(unreachable)") ? [line, "       (call $f)"] : [line],
    );
    assert.equal(bare(after), 1);
  });

  it("finds a wrapper that catches something else, or does not keep what it caught", () => {
    const replaced = (from: string, to: string) => wrapped.map((line) => line.replace(from, to));
    assert.equal(bare(replaced("(catch $eimport$0 $js)", "(catch $other $js)")), 1);
    assert.equal(bare(replaced("$__wbindgen_exn_store", "$__wbindgen_rethrow_critical")), 1);
  });

  it("finds an import whose address is taken", () => {
    assert.equal(bare([...wrapped, " (elem declare func $f)", " (global $g (ref.func $f))"]), 1);
  });
});
