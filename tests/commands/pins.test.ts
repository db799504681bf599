// Pins and lock files: they agree with each other and name no registry host.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../harness/index.ts";

function read(...path: string[]): string {
  return readFileSync(join(ROOT, ...path), "utf8");
}

interface Lock {
  packages: Record<string, { version?: string; resolved?: string }>;
}

interface Manifest {
  devDependencies: Record<string, string>;
}

function pin(name: string): string | undefined {
  return new RegExp(`^${name}=(\\S+)`, "m").exec(read("scripts/versions"))?.[1];
}

describe("package-lock.json", () => {
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  const manifest = JSON.parse(read("package.json")) as Manifest;

  it("names no address a package comes from", () => {
    const named = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    assert.deepEqual(named, []);
  });

  it("pins every dependency exactly", () => {
    for (const [name, range] of Object.entries(manifest.devDependencies)) {
      assert.match(range, /^(npm:[a-z-]+@)?\d+\.\d+\.\d+(-[a-z0-9.]+)?$/, name);
    }
  });

  it("has one workerd, and the miniflare that wrangler brings", () => {
    const named = (name: string) =>
      Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
    assert.deepEqual(named("workerd"), ["node_modules/workerd"]);
    assert.deepEqual(named("miniflare"), ["node_modules/miniflare"]);
  });

  it("has the programs of every platform", () => {
    for (const platform of ["linux-64", "linux-arm64", "darwin-64", "darwin-arm64"]) {
      assert.ok(lock.packages[`node_modules/@cloudflare/workerd-${platform}`], platform);
    }
  });
});

describe("Rust's pins", () => {
  it("agree on the oldest compiler", () => {
    assert.equal(/^rust-version = "(.*)"/m.exec(read("Cargo.toml"))?.[1], pin("RUST_MSRV"));
  });

  it("take the worker crate of worker-build's own version", () => {
    const locked = /name = "worker"\nversion = "(.*)"/.exec(read("Cargo.lock"))?.[1];
    assert.equal(locked, pin("WORKER_BUILD_VERSION"));
  });

  it("never strip what becomes the Worker: wasm-bindgen reads the sections that it removes", () => {
    const profiles = read("Cargo.toml").split(/^(?=\[)/m);
    const stripping = profiles.filter((profile) => /^\s*strip\s*=/m.test(profile));
    assert.deepEqual(
      stripping.map((profile) => profile.split("\n")[0]),
      ["[profile.dist]"],
    );
  });
});
