import { codeIn, mailTo, stranger } from "../../lib/people.mjs";
import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

/** More places than any of these pages has. */
const MAX_STOPS = 120;

/** Walks with Tab until the element has the focus, as somebody without a mouse does. */
async function tabTo(page, element) {
  await expect(element).toBeVisible();
  for (let stops = 0; stops < MAX_STOPS; stops += 1) {
    if (await element.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${element} in ${MAX_STOPS} steps.`);
}

async function press(page, element) {
  await tabTo(page, element);
  await page.keyboard.press("Enter");
}

async function type(page, label, text) {
  const field = page.getByLabel(label, { exact: true });
  await tabTo(page, field);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

test("from the front page to a merged change without a mouse", async ({ page, javaScriptEnabled }) => {
  test.setTimeout(150_000);
  const person = stranger();
  const main = page.getByRole("main");
  const until = patience(page, javaScriptEnabled);

  await page.goto("/");
  await press(page, page.getByRole("banner").getByRole("link", { name: "Start free" }));
  await type(page, "Work e-mail", person.email);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/sign-up\/verify$/);
  const { text } = await mailTo(page, person.email);
  await type(page, "Six-digit code", codeIn(text));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/sign-up\/account$/);
  await type(page, "Your name", person.name);
  await type(page, "Password", person.password);
  await type(page, "Team", person.team);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/onboarding$`));

  await press(page, page.getByRole("link", { name: "Dashboard" }).first());
  await press(page, main.getByRole("button", { name: "Run the sample task" }));
  await expect(page).toHaveURL(/\/tasks\/1$/);
  const review = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await until((timeout) => expect(review).toBeVisible({ timeout }));
  await press(page, review);
  await press(page, page.getByRole("button", { name: /^Approve and merge/ }));
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await until((timeout) => expect(page.locator("#task-state")).toContainText("Done", { timeout }));
});
