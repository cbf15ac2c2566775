// Takes the home page's pictures of the product, from the product: node hero.mjs FOLDER
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "@playwright/test";

import { signUp } from "./lib/people.mjs";
import { startServer } from "./lib/server.mjs";
import config from "./playwright.config.mjs";

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("Say where to put the pictures: node hero.mjs FOLDER");
  process.exit(2);
}
await mkdir(folder, { recursive: true });

const MIRA = {
  email: "mira@quayside.example",
  name: "Mira Okafor",
  password: "otter lantern quay window",
  team: "Quayside",
  slug: "quayside",
};
/** From nothing to the page of a task whose change waits for a person. */
async function work(page) {
  await signUp(page, MIRA);
  await page.goto(`/${MIRA.slug}`);
  await page.getByRole("button", { name: "Run the sample task" }).click();
  await page.locator("#task-actions").getByRole("link", { name: "Review changes" }).waitFor({ timeout: 120_000 });
}

const server = await startServer();
const browser = await chromium.launch(config.use.launchOptions);
try {
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width: 1440, height: 900 },
    deviceScaleFactor: 2,
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  const page = await context.newPage();
  await work(page);
  for (const theme of ["dark", "light"]) {
    await context.addCookies([{ name: "appearance", value: `${theme}.normal`, url: server.url }]);
    await page.reload();
    await page.evaluate(() => document.fonts.ready);
    // A browser goes back to where it was; the picture is of the top.
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(folder, `shot-task-${theme}.png`) });
  }
} finally {
  await browser.close();
  await server.stop();
}
