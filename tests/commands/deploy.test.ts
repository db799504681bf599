// What a deployment takes: the configuration as it stands, the routes that `make deploy` adds, D1's migrations.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { discard, ROOT, scratch } from "../harness/index.ts";
import { run, wrangler } from "./program.ts";

describe("the configuration", () => {
  it("deploys as it stands, in a dry run", async () => {
    const { status, output } = await wrangler("deploy", "--dry-run");
    assert.equal(status, 0, output);
    for (const binding of ["env.ACCOUNT (Account)", "env.AGENT (Agent)", "env.DB (moltghost)"]) {
      assert.ok(output.includes(binding), `${binding} is missing in:\n${output}`);
    }
  });

  it("has no routes: wrangler dev would replace every Host by the first one's", () => {
    assert.doesNotMatch(readFileSync(join(ROOT, "wrangler.toml"), "utf8"), /^\s*routes?\b/m);
  });
});

describe("make deploy", () => {
  const deploy = join(ROOT, "scripts/deploy");

  it("refuses to run without a domain and says what to set up", async () => {
    const { status, output } = await run(deploy, [], { DOMAIN: "" });
    assert.equal(status, 2, output);
    for (const hint of [
      "make deploy DOMAIN=",
      "secret put OPERATOR_TOKEN",
      "secret put KEY_PEPPER",
      "d1 create",
    ]) {
      assert.ok(output.includes(hint), `${hint} is missing in:\n${output}`);
    }
  });

  it("refuses what is no domain", async () => {
    for (const domain of ["https://example.com", "example", "Example.com", ".example.com", "a..b"]) {
      const { status, output } = await run(deploy, [], { DOMAIN: domain });
      assert.equal(status, 1, `${domain}: ${output}`);
    }
  });

  it("deploys with a domain, in a dry run", async () => {
    const { status, output } = await run(deploy, [], { DOMAIN: "example.com", WRANGLER_ARGS: "--dry-run" });
    assert.equal(status, 0, output);
  });
});

for (const [database, folder] of [
  ["DB", join(ROOT, "migrations")],
  ["SEARCH", join(ROOT, "migrations", "search")],
] as const) {
  describe(`${database}'s migrations`, () => testMigrations(database, folder));
}

function testMigrations(database: string, folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();

  it("are numbered without a gap", () => {
    assert.ok(files.length > 0, "there are none");
    files.forEach((name, index) => {
      assert.match(name, new RegExp(`^${String(index + 1).padStart(4, "0")}_[a-z_]+\\.sql$`));
    });
  });

  it("apply to an empty database, and a second time change nothing", async () => {
    const data = scratch("d1");
    const apply = () => wrangler("d1", "migrations", "apply", database, "--local", "--persist-to", data);
    try {
      const first = await apply();
      assert.equal(first.status, 0, first.output);
      for (const name of files) {
        assert.ok(first.output.includes(name), `${name} was not applied:\n${first.output}`);
      }
      const second = await apply();
      assert.equal(second.status, 0, second.output);
      assert.match(second.output, /No migrations to apply/);
    } finally {
      discard(data);
    }
  });
}
