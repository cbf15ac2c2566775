import { column, emptyProject, titles, write } from "../../lib/board.mjs";
import { expect, test } from "../../lib/test.mjs";

const card = (page, title) => page.getByRole("article", { name: title });
const link = (page, title) => page.getByRole("link", { name: title, exact: true });

test.beforeEach(async ({ page, person }) => {
  await emptyProject(page, person, "ledger");
  await write(page, "To do", ["Third", "Second", "First"]);
});

test("a card is dragged to another column, and to a place in it", async ({ page }) => {
  await card(page, "Second").dragTo(column(page, "Blocked").locator("[data-cards]"));
  await expect(page.locator("#board-status")).toHaveText("Moved to Blocked.");
  await expect.poll(() => titles(column(page, "Blocked"))).toEqual(["Second"]);
  await expect(column(page, "To do").locator(".column__count")).toHaveText(/^2/);

  const { width } = await card(page, "Second").boundingBox();
  await card(page, "First").dragTo(card(page, "Second"), { targetPosition: { x: width / 2, y: 4 } });
  await expect.poll(() => titles(column(page, "Blocked"))).toEqual(["First", "Second"]);
  await page.reload();
  expect(await titles(column(page, "Blocked"))).toEqual(["First", "Second"]);
  expect(await titles(column(page, "To do"))).toEqual(["Third"]);
});

test("a card is moved by keys, and put back by Escape", async ({ page }) => {
  const status = page.locator("#board-status");
  await link(page, "First").focus();
  await page.keyboard.press("Space");
  await expect(status).toContainText("Lifted");
  await page.keyboard.press("ArrowDown");
  await expect(status).toHaveText("To do, place 2 of 3.");
  await page.keyboard.press("Space");
  await expect.poll(() => titles(column(page, "To do"))).toEqual(["Second", "First", "Third"]);
  await expect(link(page, "First")).toBeFocused();

  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await expect(status).toContainText("In progress");
  await page.keyboard.press("Escape");
  await expect(status).toHaveText("Put back.");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect.poll(() => titles(column(page, "In progress"))).toEqual(["First"]);
  await expect(link(page, "First")).toBeFocused();
});

test("a card stays in the hand until its move is saved, and the next key waits for that", async ({ page }) => {
  const status = page.locator("#board-status");
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const asked = page.waitForRequest("**/move");
  await page.route("**/move", (route) => held.then(() => route.continue()), { times: 1 });
  await link(page, "First").focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await asked;
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await expect(status).toHaveText("In progress, place 1 of 1.");
  expect(await titles(column(page, "To do"))).toEqual(["First", "Second", "Third"]);
  release();
  await expect(status).toHaveText("Moved to In progress.");
  await expect(link(page, "First")).toBeFocused();
  await page.keyboard.press("Space");
  await expect(status).toContainText("Lifted");
});

test("who looks on sees a move at once, and keeps the menu that is open", async ({ page, context, person }) => {
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.locator("#live")).toHaveText("Live");
  await card(other, "Third").locator("summary").click();
  const dashboard = await context.newPage();
  await dashboard.goto(`/${person.slug}`);
  await expect(dashboard.locator("#live")).toHaveText("Live");
  await card(page, "First").dragTo(column(page, "In progress").locator("[data-cards]"));
  await expect.poll(() => titles(column(other, "In progress"))).toEqual(["First"]);
  await expect(column(other, "To do").locator(".column__count")).toHaveText(/^2/);
  await expect(card(other, "Third").getByRole("button", { name: "Delete" })).toBeVisible();
  await expect(dashboard.locator("#all-tasks").getByRole("row", { name: /First/ })).toContainText(/In progress|Running/);
});
