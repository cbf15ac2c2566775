import { join } from "node:path";

import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

/** What a newcomer does from the end of sign-up to a merged change, and how long it may take. */
const MAX_ACTIONS = 4;
const MAX_SECONDS = 60;

test("one button leads to a merged change", async ({ page, person, javaScriptEnabled }, info) => {
  test.setTimeout(150_000);
  const began = Date.now();
  const actions = [];
  const act = async (what, does) => {
    actions.push(what);
    await does();
  };
  const picture = (name) => page.screenshot({ path: join(info.outputDir, `${name}.png`), fullPage: true });
  const until = patience(page, javaScriptEnabled);

  await act("open the dashboard", () => page.getByRole("link", { name: "Dashboard" }).first().click());
  await picture("1-dashboard");
  await act("run the sample", () => page.getByRole("button", { name: "Run the sample task" }).click());
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await picture("2-task");
  const review = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await until((timeout) => expect(review).toBeVisible({ timeout }));
  await picture("3-delivered");
  await expect(page.getByRole("main")).toContainText("Demo model: replays a recording");
  await act("open the review", () => review.click());
  await expect(page.getByRole("main")).toContainText("parcels/insurance.py");
  await picture("4-review");
  await act("approve", () => page.getByRole("button", { name: /^Approve and merge/ }).click());
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await until((timeout) => expect(page.locator("#task-state")).toContainText("Done", { timeout }));
  const seconds = (Date.now() - began) / 1000;
  await picture("5-merged");
  info.annotations.push({ type: "figure", description: `${actions.length} actions, ${seconds.toFixed(1)} s` });
  console.log(`sample: ${actions.length} actions, ${seconds.toFixed(1)} s`);
  expect(actions.length).toBeLessThanOrEqual(MAX_ACTIONS);
  expect(seconds).toBeLessThanOrEqual(MAX_SECONDS);

  await page.goto(`/${person.slug}/tasks/1/artifacts`);
  await expect(page.getByRole("main")).toContainText(".patch");
  await picture("6-artifacts");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: /patch/ }).first().click();
  expect((await download).suggestedFilename()).toMatch(/\.patch$/);
  await page.goto(`/${person.slug}`);
  await expect(page.getByRole("main")).toContainText("Merged");
  await picture("7-dashboard");
});

test("a run is stopped with a reason, and tried again", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await page.getByRole("button", { name: "Run the sample task" }).click();
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await page.locator("#task-actions").getByRole("button", { name: "Stop" }).click();
  await page.getByLabel(/reason|why/i).fill("I only wanted to look");
  await page.getByRole("dialog").getByRole("button", { name: /Stop/ }).click();
  await expect(page.locator("#task-state")).toContainText("Cancelled");
  await expect(page.getByRole("main")).toContainText("I only wanted to look");
  await page.locator("#task-actions").getByRole("button", { name: /again|Retry/i }).click();
  await expect(page.getByRole("main")).toContainText("run 2");
});
