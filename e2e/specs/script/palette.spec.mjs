import { expect, test } from "../../lib/test.mjs";

const palette = (page) => page.getByRole("dialog", { name: "Command palette" });

/** The boot script says so once every island of the page answers. */
async function awake(page) {
  await expect(page.locator("html")).toHaveAttribute("data-islands", "awake");
}

test("the palette opens by Ctrl K, filters, goes, and gives the focus back", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await awake(page);
  const before = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Members" });
  await before.focus();
  await page.keyboard.press("Control+K");
  const field = palette(page).getByRole("combobox");
  await expect(field).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(palette(page)).toBeHidden();
  await expect(before).toBeFocused();

  await page.keyboard.press("Control+K");
  await field.fill("audi");
  const first = palette(page).getByRole("option").first();
  await expect(first).toContainText("Audit log");
  await expect(first).toHaveAttribute("aria-selected", "true");
  await expect(field).toHaveAttribute("aria-activedescendant", await first.getAttribute("id"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/audit$`));
});

test("the palette searches the server, and its last line leads to the search page", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await awake(page);
  await page.keyboard.press("Control+K");
  await palette(page).getByRole("combobox").fill(person.name.slice(5));
  await expect(palette(page).getByRole("option", { name: new RegExp(person.name) })).toBeVisible();
  await palette(page).getByRole("option").last().click();
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/search\\?q=`));
});

test("the palette changes the theme", async ({ page, person }) => {
  await page.goto(`/${person.slug}/members`);
  await awake(page);
  await page.keyboard.press("Control+K");
  await palette(page).getByRole("combobox").fill("light theme");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/members$`));
});

test("the search link opens the palette instead of the page", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await awake(page);
  await page.getByRole("link", { name: /Search or run/ }).click();
  await expect(palette(page)).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
});
