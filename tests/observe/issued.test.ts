// The search for secrets, which every suite runs when its Worker stops, finds what is there.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { session } from "../control/session.ts";
import { startPod } from "../fixtures/pod/index.ts";
import { together } from "../harness/index.ts";
import { expectNone, foundIn, issue, issuedCount, note } from "../harness/issued.ts";
import { tenant } from "../harness/tenant.ts";

describe("the search for secrets", () => {
  it("knows every credential that an answer has issued, and finds it in any text", async () => {
    const [s, pod] = await together([session(), startPod()]);
    try {
      const before = issuedCount();
      const t = await tenant(s.worker, pod);
      const token = await s.token(t.account);
      // The key, the account token and the connect token.
      assert.equal(issuedCount(), before + 3);
      assert.deepEqual(foundIn(`before ${t.key} after`), ["a molti credential"]);
      assert.deepEqual(foundIn(`xx${token.token.slice(-38, -6)}yy`), ["a molta credential"]);
      assert.deepEqual(foundIn(t.key.slice(0, -7)), []);

      expectNone(s.worker.persist, s.worker.logs);
      assert.throws(() => expectNone(s.worker.persist, [{ message: `oh ${t.key}` }]), /the log tells/);
      assert.throws(() => note(401, "application/json", t.key), /tells secrets/);
      assert.throws(() => note(200, "text/plain; version=0.0.4", t.key), /tells secrets/);
      const file = join(s.worker.persist, "left-behind");
      appendFileSync(file, Buffer.concat([randomBytes(64), Buffer.from(t.key), randomBytes(64)]));
      assert.throws(
        () => expectNone(s.worker.persist, s.worker.logs),
        /left-behind holds a molti credential/,
      );
      rmSync(file);
    } finally {
      await s.stop();
      await pod.close();
    }
  });

  it("takes secrets of other forms by hand", () => {
    const header = `header-${randomBytes(12).toString("hex")}`;
    issue("an origin header", header);
    assert.deepEqual(foundIn(`a: ${header}`), ["an origin header"]);
    assert.throws(() => issue("a word", "short"));
  });
});
