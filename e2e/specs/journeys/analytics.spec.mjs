import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

test("what a run cost is found by agent, by task and as a file", async ({ page, person, javaScriptEnabled }, info) => {
  test.setTimeout(150_000);
  const picture = (name) => page.screenshot({ path: join(info.outputDir, `${name}.png`), fullPage: true });
  const until = patience(page, javaScriptEnabled);
  const main = page.getByRole("main");

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Analytics" }).click();
  await expect(main).toContainText("No calls in these days");

  await page.goto(`/${person.slug}`);
  await page.getByRole("button", { name: "Run the sample task" }).click();
  await expect(page).toHaveURL(/\/tasks\/1$/);
  const review = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await until((timeout) => expect(review).toBeVisible({ timeout }));
  await review.click();
  await page.getByRole("button", { name: /^Approve and merge/ }).click();
  await until((timeout) => expect(page.locator("#task-state")).toContainText("Done", { timeout }));

  await page.goto(`/${person.slug}/analytics`);
  await expect(main).toContainText("1 of 1 runs merged");
  await picture("1-analytics");
  await page.getByRole("navigation", { name: "By", exact: true }).getByRole("link", { name: "Agent" }).click();
  await expect(page).toHaveURL(/by=agent/);
  const rows = page.getByRole("region", { name: "Where it went" }).getByRole("row");
  await expect(rows.filter({ hasText: "reviewer" })).toHaveCount(1);
  await picture("2-by-agent");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^spending-by-agent-.*\.csv$/);
  const lines = (await readFile(await file.path(), "utf8")).trim().split("\r\n");
  expect(lines[0]).toMatch(/^agent,key,within,counted_usd,/);
  expect(lines.some((line) => line.includes("reviewer"))).toBe(true);

  await page.getByLabel("Model with a known price").selectOption({ value: "Anthropic/claude-sonnet-5" });
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("region", { name: "What if another model had done it?" })).toContainText("more");
  await expect(page).toHaveURL(/by=agent/);
  await picture("3-another-model");

  await page.getByRole("region", { name: "Where it went" }).getByRole("link", { name: "reviewer" }).click();
  await expect(main).toContainText("Agent: reviewer");
  await picture("4-tasks");
  await main.getByRole("row", { name: /#1/ }).getByRole("link").click();
  await expect(page).toHaveURL(/\/tasks\/1$/);

  // The next task says what the first one took.
  await page.locator("#task-facts").getByRole("link", { name: "Parcels" }).click();
  await page.locator("[data-column=TODO] summary").first().click();
  await page.getByRole("textbox", { name: "Add a task to To do" }).fill("Weigh parcels in grams");
  await page.keyboard.press("Enter");
  await expect(main).toContainText("Weigh parcels in grams");
  await page.goto(`/${person.slug}/tasks/2`);
  await expect(page.locator("#task-facts")).toContainText("A similar task cost nothing and took");
  await picture("5-estimate");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator("#task-actions").getByRole("button", { name: "Stop" }).click();
  await page.getByLabel(/reason|why/i).fill("Only to see the estimate");
  await page.getByRole("dialog").getByRole("button", { name: /Stop/ }).click();
  await expect(page.locator("#task-state")).toContainText("Cancelled");
  await page.goto(`/${person.slug}/analytics`);
  await page.getByRole("link", { name: "Stopped by a person" }).click();
  await expect(main).toContainText("Only to see the estimate");
});

test("an address that asks for impossible days says so and keeps what was typed", async ({ page, person }) => {
  await page.goto(`/${person.slug}/analytics?from=2026-11-09&to=2026-11-01&by=model`);
  await expect(page).toHaveTitle(/^Error: /);
  await expect(page.getByRole("main")).toContainText("The last day comes before the first");
  await expect(page.getByLabel("First day (2026-11-21)")).toHaveValue("2026-11-09");
  await page.getByLabel("Last day").fill("2026-11-10");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByRole("main")).toContainText("9 Nov to 10 Nov 2026");
  await expect(page).toHaveURL(/by=model/);
});
