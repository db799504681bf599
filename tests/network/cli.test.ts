// The original's command line, unmodified, against both servers.

import { describe, it } from "node:test";
import { against, targets } from "./against.ts";
import { MOLTNET } from "./original.ts";
import { BEARER, NONE, OPEN } from "./setup.ts";
import { commands, joining } from "./topics/cli.ts";

if (MOLTNET === undefined) {
  describe(`the command line against ${targets().join(" and ")}`, () => {
    it("needs the original's program", { skip: "MOLTNET_BIN is not set" }, () => undefined);
  });
} else {
  against(NONE, [commands]);
  against(BEARER, [commands]);
  against(OPEN, [joining]);
}
