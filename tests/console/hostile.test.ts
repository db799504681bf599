// Messages that mean harm, or are merely unreasonable: they are read as text, and the page stays in shape.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { openPage, PHONE } from "./browser.ts";
import { onStage } from "./curtain.ts";
import type { Stage } from "./stage.ts";

const HOSTILE = [
  "<script>window.taken = 1</script>",
  '<img src=x onerror="window.taken = 1">',
  "<svg/onload=window.taken=1>",
  "[click](javascript:window.taken=1)",
  "[click](data:text/html,<script>window.taken=1</script>)",
  "[click]( JaVaScRiPt:window.taken=1 )",
  "<javascript:window.taken=1>",
  "![x](javascript:window.taken=1)",
  "```\n</pre><script>window.taken = 1</script>\n```",
  "`</code><script>window.taken = 1</script>`",
  '[a](https://example.com/"onmouseover="window.taken=1)',
  "<@molt://local/agents/<script>window.taken=1</script>>",
  "| <script>window.taken=1</script> | b |\n|---|---|\n| c | <img src=x onerror=window.taken=1> |",
];

let stage: Stage;
let browser: Browser;

onStage(async (...set) => {
  [stage, browser] = set;
  await stage.network("/v1/rooms", { id: "dark", name: "Dark", members: ["alpha"] });
});

describe("hostile content", () => {
  it("runs nowhere and links nowhere", async () => {
    for (const [index, text] of HOSTILE.entries()) {
      await stage.say({ room: "dark", id: `evil-${String(index)}`, text });
    }
    await stage.say({
      room: "dark",
      id: "evil-parts",
      parts: [
        {
          kind: "file",
          filename: "<b>name</b>.html",
          media_type: "text/html",
        },
        { kind: "data", data: { x: "<script>window.taken=1</script>" } },
      ],
    });
    const { page, context, errors } = await openPage(browser);
    await stage.signIn(page, stage.operator);
    await page.goto(`${stage.url}/console/room/dark`);
    await page.locator('[data-message="evil-parts"]').waitFor();
    assert.equal(await page.locator("[data-message]").count(), HOSTILE.length + 1);
    const links = await page
      .locator(".body a")
      .evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
    for (const href of links) {
      assert.match(href, /^(https?:|mailto:|\/console\/)/);
    }
    const foreign = ".body script, .body img, .body svg:not(.icon), .body iframe, .body style";
    assert.equal(await page.locator(foreign).count(), 0);
    const handlers = await page
      .locator(".body *")
      .evaluateAll((all) =>
        all.flatMap((one) => one.getAttributeNames().filter((name: string) => name.startsWith("on"))),
      );
    assert.deepEqual(handlers, []);
    assert.equal(await page.evaluate<unknown>("window.taken"), undefined);
    assert.ok((await page.locator(".scroll").textContent())?.includes("<script>window.taken = 1</script>"));
    assert.deepEqual(errors, []);
    await context.close();
  });

  it("stays within the page, whatever its length and direction", async () => {
    await stage.say({ room: "dark", id: "word", text: "x".repeat(5_000) });
    await stage.say({ room: "dark", id: "code", text: `\`\`\`\n${"y".repeat(5_000)}\n\`\`\`` });
    await stage.say({ room: "dark", id: "huge", text: "A line of a huge text. ".repeat(9_000) });
    await stage.say({ room: "dark", id: "right", text: "שלום עולם, זה טקסט מימין לשמאל. مرحبا بالعالم" });
    await stage.say({ room: "dark", id: "tricky", text: "\u202Egnorw si siht\u202C and this is not" });
    await stage.say({
      room: "dark",
      id: "marks",
      text: `${"*".repeat(3_000)}${"[".repeat(3_000)}${"`".repeat(999)}`,
    });
    await stage.say({ room: "dark", id: "deep", text: `${"> ".repeat(500)}deep` });
    for (const size of [undefined, PHONE]) {
      const { page, context, errors } = await openPage(browser, size === undefined ? {} : { size });
      await stage.signIn(page, stage.operator);
      await page.goto(`${stage.url}/console/room/dark`);
      await page.locator('[data-message="deep"]').waitFor();
      assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"));
      const width = "const s = document.querySelector('.scroll'); return s.scrollWidth <= s.clientWidth";
      assert.ok(await page.evaluate<boolean>(`(() => { ${width} })()`));
      const huge = page.locator('[data-message="huge"]');
      assert.ok(((await huge.textContent()) ?? "").length < 5_000);
      await huge.getByRole("button", { name: /Show all/ }).click();
      assert.ok(((await huge.textContent()) ?? "").length > 200_000);
      assert.equal(await page.locator('[data-message="right"] p:dir(rtl)').count(), 1);
      assert.deepEqual(errors, []);
      await context.close();
    }
  });
});
