import { join } from "node:path";

import { expectAccessible, expectReflow } from "../../lib/checks.mjs";
import { expectRefused, statusAfter } from "../../lib/people.mjs";
import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

test("a run is watched, sent back, merged and taken back", async ({ page, person, javaScriptEnabled }, info) => {
  test.setTimeout(300_000);
  const main = page.getByRole("main");
  const state = page.locator("#task-state");
  const picture = (name) => page.screenshot({ path: join(info.outputDir, `${name}.png`), fullPage: true });
  const expectSound = async () => {
    await expectAccessible(page);
    await expectReflow(page);
  };
  const until = patience(page, javaScriptEnabled);

  await page.goto(`/${person.slug}`);
  await main.getByRole("button", { name: "Run the sample task" }).click();
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await page.goto(`/${person.slug}`);
  const running = page.locator("#running-now").getByRole("row").nth(1);
  await expect(running.getByRole("button", { name: /^Stop/ })).toBeVisible();
  await expect(running.locator("[data-cost]")).toContainText("$");
  await picture("1-dashboard");
  await page.goto(`/${person.slug}/tasks/1`);
  await picture("2-running");
  await expectSound();

  await page.goto(`/${person.slug}`);
  const review = page.locator("#needs-you").getByRole("link", { name: /^Review changes/ });
  await until((timeout) => expect(review).toBeVisible({ timeout }));
  await expect(page.locator("#running-now")).toContainText("Nothing runs");
  // The line under the title and the navigation follow too, without being loaded again.
  await expect(page.locator("#head-line")).toContainText("1 thing waits for you");
  await expect(page.locator("#needs-count")).toHaveText("1 need you");
  await picture("3-needs-you");
  await expectSound();
  await main.getByRole("link", { name: "Open inbox" }).click();
  await expect(page).toHaveURL(/\/inbox$/);
  await expect(page).toHaveTitle(/^\(1\) Inbox/);
  await picture("3-inbox");
  await expectSound();

  await review.click();
  await picture("4-review");
  await expectSound();
  const back = page.getByRole("button", { name: "Send back" });
  expect(await statusAfter(page, () => back.click())).toBe(422);
  const path = `/${person.slug}/tasks/1/review`;
  await expectRefused(page, { field: "comment", message: "Say what the squad should know.", path });
  await expectSound();
  await page.getByLabel("Comment, which the squad reads").fill("Show that the fee is never a float.");
  await back.click();
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await expect(main).toContainText("Show that the fee is never a float.");
  await picture("5-sent-back");

  const again = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await until((timeout) => expect(again).toBeVisible({ timeout }));
  await again.click();
  await page.getByRole("button", { name: /^Approve and merge/ }).click();
  await until((timeout) => expect(state).toContainText("Done", { timeout }));
  await picture("6-merged");

  // On the page that has followed the run to its end, and was not loaded again since.
  await page.getByRole("button", { name: "Revert…" }).click();
  const dialog = page.getByRole("dialog", { name: /^Take .* back\?$/ });
  await expect(dialog).toBeVisible();
  await expectAccessible(page, dialog);
  await dialog.getByRole("button", { name: "Revert the merge" }).click();
  await expect(page.getByText("The merge is taken back. The task is open again.")).toBeVisible();
  await expect(state).toContainText("To do");
  await picture("7-taken-back");
  await page.goto(`/${person.slug}/tasks/1/review`);
  await expect(main).toContainText(`Taken back by ${person.name}`);
  await page.goto(`/${person.slug}/tasks/1/history`);
  await expect(main).toContainText("moved it from Completed to To do");
});
