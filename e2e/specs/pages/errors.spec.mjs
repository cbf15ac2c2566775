import { rm, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expectAccessible, expectReflow } from "../../lib/checks.mjs";
import { faults } from "../../lib/markup.mjs";
import { expect, test } from "../../lib/test.mjs";
import { startServer } from "../../lib/server.mjs";
import { workingTeam } from "../../lib/world.mjs";

const THEMES = ["dark", "light"];

async function expectErrorPage(page, response, { status, heading }, theme) {
  expect(response.status()).toBe(status);
  expect(await faults(await response.text(), `error ${status}`), "what html-validate found").toEqual([]);
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
  await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
  await expect(page.getByText(/^Request /)).toBeVisible();
  await expectAccessible(page);
  await expectReflow(page);
}

const themed = (context, theme, url) => context.addCookies([{ name: "appearance", value: `${theme}.normal`, url }]);

test("what a role does not allow is said inside the team", async ({ browser, baseURL }) => {
  const { person, reader } = await workingTeam(browser, baseURL);
  const context = await browser.newContext({ baseURL, storageState: reader });
  const page = await context.newPage();
  for (const theme of THEMES) {
    await themed(context, theme, baseURL);
    const refused = await page.goto(`/${person.slug}/audit`);
    await expectErrorPage(page, refused, { status: 403, heading: "Your role does not allow this" }, theme);
    const missing = await page.goto(`/${person.slug}/no-such-page`);
    await expectErrorPage(page, missing, { status: 404, heading: "There is nothing at this address" }, theme);
    await expect(page.getByRole("navigation", { name: "Breadcrumb" })).toContainText(person.team);
    await page.getByRole("main").getByRole("link", { name: "Dashboard" }).click();
    await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
  }
  await context.close();
});

test("422, when a form cannot be read", async ({ page, context, baseURL }) => {
  for (const theme of THEMES) {
    await themed(context, theme, baseURL);
    await page.goto("/sign-in");
    // One field twice, as no page of ours sends it.
    await page.getByLabel("E-mail").evaluate((field) => field.form.append(field.cloneNode()));
    const answer = page.waitForResponse((response) => response.request().isNavigationRequest());
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await expectErrorPage(page, await answer, { status: 422, heading: "This could not be accepted" }, theme);
  }
});

// One server after the other is broken on purpose, so each has its own.
test.describe("a server in trouble", () => {
  async function withServer(settings, use) {
    const server = await startServer(settings);
    try {
      await use(server);
    } finally {
      await server.stop();
    }
  }

  test("429, after too many requests", async ({ page, context }) => {
    await withServer({ MUSTER_RATE_LIMITS__PER_MINUTE: "3" }, async ({ url }) => {
      for (const theme of THEMES) {
        await themed(context, theme, url);
        let response = await page.goto(`${url}/sign-in`);
        while (response.status() === 200) response = await page.goto(`${url}/sign-in`);
        expect(Number(response.headers()["retry-after"])).toBeGreaterThan(0);
        await expectErrorPage(page, response, { status: 429, heading: "Too many requests" }, theme);
      }
    });
  });

  test("500, when a part fails in a way nobody thought of", async ({ page, context }) => {
    await withServer({}, async ({ url, data }) => {
      await rm(join(data, "outbox"), { recursive: true });
      await writeFile(join(data, "outbox"), "not a folder");
      for (const theme of THEMES) {
        await themed(context, theme, url);
        const response = await page.goto(`${url}/outbox`);
        await expectErrorPage(page, response, { status: 500, heading: "This page failed, and it was our fault" }, theme);
      }
    });
  });

  test("503, while the database is away", async ({ page, context }) => {
    await withServer({}, async ({ url, data }) => {
      const [pid] = (await readFile(join(data, "postgres", "data", "postmaster.pid"), "utf8")).split("\n");
      process.kill(Number(pid), "SIGKILL");
      for (const theme of THEMES) {
        await themed(context, theme, url);
        await page.goto(`${url}/sign-in`);
        await page.getByLabel("E-mail").fill("mira@quayside.example");
        await page.getByLabel("Password").fill("otter lantern quay window");
        const answer = page.waitForResponse((response) => response.request().isNavigationRequest());
        await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
        const expected = { status: 503, heading: "A part that is needed does not answer" };
        await expectErrorPage(page, await answer, expected, theme);
      }
    });
  });
});
