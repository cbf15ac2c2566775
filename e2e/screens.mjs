// Saves a picture of each page for looking at: node screens.mjs FOLDER [part of a page's name]
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "@playwright/test";

import config from "./playwright.config.mjs";
import { FRESH, openIn, PUBLIC, WORKING } from "./lib/pages.mjs";
import { startServer } from "./lib/server.mjs";
import { freshTeam, workingTeam } from "./lib/world.mjs";

const [folder, only = ""] = process.argv.slice(2);
if (!folder) {
  console.error("Say where to put the pictures: node screens.mjs FOLDER [part of a page's name]");
  process.exit(2);
}
await mkdir(folder, { recursive: true });

async function shoot(browser, group, { person, state }, theme, width) {
  for (const one of group.filter(({ name }) => name.includes(only))) {
    const context = await browser.newContext({
      baseURL: process.env.E2E_URL,
      storageState: state,
      viewport: { width, height: width > 800 ? 1000 : 844 },
      reducedMotion: "reduce",
      locale: "en-GB",
    });
    const page = await context.newPage();
    await openIn(page, one, person, theme);
    await page.waitForLoadState("networkidle");
    const file = `${one.name.replaceAll(/[^a-z]+/g, "-")}.${theme}.${width}.png`;
    await page.screenshot({ path: join(folder, file), fullPage: true });
    console.log(file);
    await context.close();
  }
}

const server = process.env.E2E_URL ? undefined : await startServer();
process.env.E2E_URL ??= server.url;
const browser = await chromium.launch(config.use.launchOptions);
try {
  const fresh = await freshTeam(browser, process.env.E2E_URL);
  const working = await workingTeam(browser, process.env.E2E_URL);
  for (const theme of ["dark", "light"]) {
    for (const width of [1440, 390]) {
      await shoot(browser, PUBLIC, { person: working.person }, theme, width);
      await shoot(browser, FRESH, fresh, theme, width);
      await shoot(browser, WORKING, working, theme, width);
    }
  }
} finally {
  await browser.close();
  await server?.stop();
}
