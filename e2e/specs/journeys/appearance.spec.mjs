import { expect, test } from "../../lib/test.mjs";

const root = (page) => page.locator("html");

test("theme and contrast are chosen without an account and stay", async ({ page }) => {
  await page.goto("/pricing?period=yearly");
  await expect(root(page)).toHaveAttribute("data-theme", "dark");
  const footer = page.getByRole("contentinfo");
  await footer.getByRole("button", { name: "Light" }).click();
  await expect(root(page)).toHaveAttribute("data-theme", "light");
  await expect(page, "the form comes back to where it was").toHaveURL(/\/pricing\?period=yearly$/);
  await footer.getByRole("button", { name: "High contrast" }).click();
  await expect(root(page)).toHaveAttribute("data-contrast", "more");
  await page.reload();
  await expect(root(page)).toHaveAttribute("data-theme", "light");
  await expect(root(page)).toHaveAttribute("data-contrast", "more");
  await expect(footer.getByRole("button", { name: "Light" })).toHaveAttribute("aria-pressed", "true");

  const before = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await footer.getByRole("button", { name: "Dark" }).click();
  await expect(root(page)).toHaveAttribute("data-theme", "dark");
  const after = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(after).not.toBe(before);
});

test("the look is changed from the account, and holds on every page", async ({ page, person }) => {
  await page.goto("/account");
  await page.getByRole("main").getByRole("button", { name: "Light" }).click();
  await expect(page).toHaveURL(/\/account$/);
  for (const path of ["/account", `/${person.slug}`, "/"]) {
    await page.goto(path);
    await expect(root(page)).toHaveAttribute("data-theme", "light");
  }
});

test("“system” follows the machine", async ({ page }) => {
  await page.goto("/");
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await colour();
  await page.getByRole("contentinfo").getByRole("button", { name: "System" }).click();
  await expect(root(page)).toHaveAttribute("data-theme", "system");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(colour).toBe(dark);
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(colour).not.toBe(dark);
});
