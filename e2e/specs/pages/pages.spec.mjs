import {
  expectAccessible,
  expectAccessibleInEachLook,
  expectNoSidewaysScrolling,
  expectReflow,
  expectSkipLink,
  expectVisibleFocus,
} from "../../lib/checks.mjs";
import { faults } from "../../lib/markup.mjs";
import { FRESH, openIn, PUBLIC, WORKING } from "../../lib/pages.mjs";
import { expect, test as base } from "../../lib/test.mjs";
import { freshTeam, workingTeam } from "../../lib/world.mjs";

// Made once for each worker: the pages only read.
const test = base.extend({
  teams: [
    async ({ browser }, use) => {
      const made = {};
      const once = (kind, make) => (made[kind] ??= make(browser, process.env.E2E_URL));
      await use({ fresh: () => once("fresh", freshTeam), working: () => once("working", workingTeam) });
    },
    { scope: "worker" },
  ],
  team: ["", { option: true }],
  // A team at work has a merged run, which takes its time.
  who: [async ({ team, teams }, use) => use(await teams[team]()), { timeout: 240_000 }],
  signedIn: [true, { option: true }],
  storageState: async ({ who, signedIn }, use) => use(signedIn ? who.state : undefined),
});

const PHONE = { width: 390, height: 844 };

// Theme and contrast, beside the usual dark in which each page is opened.
const LOOKS = [
  ["light", "normal"],
  ["dark", "more"],
  ["light", "more"],
];

function sweep(pages) {
  for (const one of pages) {
    test(one.name, async ({ page, who, signedIn }) => {
      const loaded = [];
      page.on("request", (request) => loaded.push(request.url()));
      const response = await openIn(page, one, who.person, "dark");
      expect(await faults(await response.text(), one.name), "what html-validate found").toEqual([]);
      const strange = loaded.filter((url) => !url.startsWith(process.env.E2E_URL) && !url.startsWith("data:"));
      expect(strange, "requests to third parties").toEqual([]);
      if (!signedIn) {
        expect(await page.locator("script").count(), "scripts of a public page").toBe(0);
        expect(loaded.filter((url) => /\.(m?js|wasm)(\?|$)/.test(url))).toEqual([]);
      }
      await expectAccessibleInEachLook(page, LOOKS);
      await expectReflow(page);
      await expectSkipLink(page);
      await expectVisibleFocus(page);
      await page.setViewportSize(PHONE);
      await expectNoSidewaysScrolling(page);
      // From the top again: what lies half under the bar, where the stops of the Tab key led, would be in the way of its links.
      await page.evaluate(() => window.scrollTo(0, 0));
      await expectAccessibleInEachLook(page, LOOKS.slice(0, 1));
    });
  }
}

test.describe("public", () => {
  test.use({ team: "working", signedIn: false });
  sweep(PUBLIC);

  test("the home page shows its picture in both themes", async ({ page, context, baseURL }) => {
    const shown = [];
    for (const theme of ["dark", "light"]) {
      await context.addCookies([{ name: "appearance", value: `${theme}.normal`, url: baseURL }]);
      await page.goto("/");
      const picture = page.getByRole("main").locator("picture img");
      await expect.poll(() => picture.evaluate((image) => image.complete && image.naturalWidth)).toBeGreaterThan(0);
      shown.push(await picture.evaluate((image) => image.currentSrc));
    }
    expect(shown[0]).not.toBe(shown[1]);
  });
});

test.describe("new team", () => {
  test.use({ team: "fresh" });
  sweep(FRESH);
});

test.describe("team at work", () => {
  test.use({ team: "working" });
  sweep(WORKING);

  test("what opens over a page is accessible too", async ({ page, who }) => {
    await page.goto(`/${who.person.slug}/members`);
    await expect(page.locator("html")).toHaveAttribute("data-islands", "awake");
    await page.keyboard.press("Control+K");
    const palette = page.getByRole("dialog", { name: "Command palette" });
    await expect(palette).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await expect(palette).toBeHidden();
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Help and shortcuts" })).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    for (const summary of await page.locator("summary:visible").all()) {
      await summary.click();
      // The menu alone: what it covers for the moment is too small to press, and need not be.
      await expectAccessible(page, summary.locator(".."));
      await page.keyboard.press("Escape");
    }
  });

  test("dialogs of a row open, ask, and close without a change", async ({ page, who }) => {
    await page.goto(`/${who.person.slug}/members`);
    for (const item of ["Change role", "Remove from the team"]) {
      await page.locator("main summary").first().click();
      await page.getByRole("button", { name: item }).click();
      const dialog = page.locator("dialog:popover-open");
      await expect(dialog).toBeVisible();
      await expectAccessible(page);
      await page.keyboard.press("Escape");
      await expect(dialog).toHaveCount(0);
    }
  });
});
