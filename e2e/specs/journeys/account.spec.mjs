import { expectRefused, signIn, signOut, statusAfter } from "../../lib/people.mjs";
import { expect, test } from "../../lib/test.mjs";

test("name and password can be changed", async ({ page, person }) => {
  await page.goto("/account");
  await page.getByLabel("Name", { exact: true }).fill("Mira of the quay");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".rail")).toContainText("Mira of the quay");
  await expect(page.getByRole("status").first()).not.toBeEmpty();
  await page.reload();
  await expect(page.getByRole("status").first(), "what was done is said once").toBeEmpty();

  const change = () => page.getByRole("button", { name: "Change password" }).click();
  await page.getByLabel("Password now").fill("not my password today");
  await page.getByLabel("New password").fill("heron ladder salt morning");
  expect(await statusAfter(page, change)).toBe(422);
  await expectRefused(page, { field: "current", message: /./, path: "/account/password" });

  await page.getByLabel("Password now").fill(person.password);
  await page.getByLabel("New password").fill("heron ladder salt morning");
  await change();
  await expect(page).toHaveURL(/\/account$/);
  await signOut(page);
  await signIn(page, person, "heron ladder salt morning");
  await expect(page).not.toHaveURL(/\/sign-in/);
});

test("a page that is not there keeps the way out", async ({ page, person }) => {
  const answer = await page.goto(`/${person.slug}/nothing-here`);
  expect(answer.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is nothing at this address");
  await expect(page.getByRole("main")).toContainText(/Request [0-9a-f-]{36}/);
  await page.getByRole("main").getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1 })).not.toHaveText("There is nothing at this address");
});

test("search finds what the team has, without a script", async ({ page, person }) => {
  await page.getByRole("button", { name: "Take the sample" }).click();
  await page.goto(`/${person.slug}/search`);
  await page.getByLabel("Name, address or title").fill(person.name.slice(5));
  await page.getByRole("main").getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("main").getByRole("listitem")).toContainText(person.name);
});
