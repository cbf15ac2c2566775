import { expect, test, watch } from "../../lib/test.mjs";

test("a form sends one request, however often its button is pressed", async ({ page, person }) => {
  await page.goto("/account");
  let sent = 0;
  // “No content” leaves the browser on the page, as a slow server would for a while.
  await page.route("**/account", (route) => {
    if (route.request().method() !== "POST") return route.continue();
    sent += 1;
    return route.fulfill({ status: 204 });
  });
  const button = page.locator("form[action='/account'] button");
  await expect(button).toHaveText("Save");
  await button.click();
  await expect(button).toHaveText("Saving…");
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await button.click({ force: true });
  await page.getByLabel("Name", { exact: true }).press("Enter");
  expect(sent).toBe(1);
});

test("two keys go to a place, and not while typing", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/members$`));
  await page.getByLabel("Invite by e-mail").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page.getByLabel("Invite by e-mail")).toHaveValue("gd");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/members$`));
});

test("the sheet of shortcuts opens by its key and closes by Escape", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Help and shortcuts" });
  await expect(sheet).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
});

test("Escape closes a menu and the focus stays on it", async ({ page, person }) => {
  await page.goto(`/${person.slug}`);
  const summary = page.locator(".rail summary").first();
  await summary.click();
  await expect(page.locator(".rail details").first()).toHaveAttribute("open", "");
  await page.keyboard.press("Escape");
  await expect(page.locator(".rail details").first()).not.toHaveAttribute("open", "");
  await expect(summary).toBeFocused();
});

test("the watch over the console sees a refusal of the content security policy", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL });
  const complaints = watch(context);
  const page = await context.newPage();
  await page.goto("/");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  await expect.poll(() => complaints.join("\n")).toMatch(/Content Security Policy/);
  expect(await page.evaluate(() => "ran" in window)).toBe(false);
  await context.close();
});
