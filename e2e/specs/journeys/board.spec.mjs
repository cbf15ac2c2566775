import { column, emptyProject, titles, write } from "../../lib/board.mjs";
import { expect, test } from "../../lib/test.mjs";

const menuOf = (page, title) => page.getByRole("article", { name: title }).locator("summary");

test("a task is written, arranged, moved, deleted and brought back by forms", async ({ page, person }) => {
  await emptyProject(page, person, "ledger");
  await write(page, "To do", ["Pay fees #money !high", "Round half"]);
  expect(await titles(column(page, "To do"))).toEqual(["Round half", "Pay fees"]);
  await expect(page.getByRole("article", { name: "Pay fees" })).toContainText("money");

  await menuOf(page, "Round half").click();
  await page.getByRole("button", { name: "Move down" }).click();
  await expect.poll(() => titles(column(page, "To do"))).toEqual(["Pay fees", "Round half"]);

  await menuOf(page, "Pay fees").click();
  await page.getByRole("article", { name: "Pay fees" }).getByLabel("Move to").selectOption({ label: "Blocked" });
  await page.getByRole("button", { name: "Move", exact: false }).filter({ hasText: /^Move(?! up| down)/ }).first().click();
  await expect(column(page, "Blocked").getByRole("article", { name: "Pay fees" })).toBeVisible();

  await menuOf(page, "Pay fees").click();
  await page.getByRole("article", { name: "Pay fees" }).getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("article", { name: "Pay fees" })).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(column(page, "Blocked").getByRole("article", { name: "Pay fees" })).toBeVisible();
});

test("a filter is an address, and its chip takes it away", async ({ page, person }) => {
  const board = await emptyProject(page, person, "ledger");
  await write(page, "To do", ["Pay fees #money", "Round half"]);
  await page.getByText("Filter and sort").click();
  await page.getByLabel("Label", { exact: true }).selectOption("money");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/label=money/);
  expect(await titles(column(page, "To do"))).toEqual(["Pay fees"]);
  await expect(page.locator("#board-count")).toHaveText("1 of 2 tasks");
  await page.getByRole("link", { name: "Remove the filter Label" }).click();
  expect(await titles(column(page, "To do"))).toEqual(["Round half", "Pay fees"]);
  await page.goto(`${board}?q=zzzz`);
  await expect(page.getByText("No task fits these filters")).toBeVisible();
});
