import { codeIn, expectRefused, mailTo, signIn, signOut, statusAfter, stranger } from "../../lib/people.mjs";
import { expect, test } from "../../lib/test.mjs";

test("sign out, then sign in again, and land where the page asked for was", async ({ page, person }) => {
  await signOut(page);
  await expect(page.getByRole("status")).toContainText("signed out");
  await page.goto(`/${person.slug}/members?x=1`);
  await expect(page).toHaveURL(/\/sign-in\?/);
  await signIn(page, person);
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/members\\?x=1$`));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Members");
});

test("a wrong password keeps the address and says nothing in the URL", async ({ page, person }) => {
  await signOut(page);
  await page.goto("/sign-in");
  const status = await statusAfter(page, () => signIn(page, person, "not the password at all"));
  expect(status).toBe(422);
  await expectRefused(page, { field: "password", message: /do not belong together/, path: "/sign-in" });
  await expect(page.getByLabel("E-mail")).toHaveValue(person.email);
  await expect(page.getByLabel("Password")).toHaveValue("");
  await signIn(page, person);
  await expect(page.getByRole("navigation", { name: "Main" }).or(page.getByRole("heading", { name: "Your teams" })).first()).toBeVisible();
});

test("an unknown address gets the words of a wrong password", async ({ page }) => {
  await page.goto("/sign-in");
  expect(await statusAfter(page, () => signIn(page, stranger(), "not the password at all"))).toBe(422);
  await expectRefused(page, { field: "password", message: /do not belong together/, path: "/sign-in" });
});

test("signing in never leads to another site", async ({ page, person }) => {
  await signOut(page);
  await page.goto("/sign-in?next=//evil.example/");
  await signIn(page, person);
  await expect(page).toHaveURL(new RegExp(`^${process.env.E2E_URL}/`));
});

test("a lost password is reset by mail, and the old one stops working", async ({ page, person, another }) => {
  const elsewhere = await another();
  await elsewhere.goto("/sign-in");
  await elsewhere.getByRole("link", { name: "Reset your password" }).click();
  await elsewhere.getByLabel("E-mail").fill(person.email);
  await elsewhere.getByRole("button", { name: "Send a code" }).click();
  await expect(elsewhere).toHaveURL(/\/reset\/verify$/);
  const { text } = await mailTo(elsewhere, person.email, { subject: /resets your/ });
  const code = codeIn(text);

  const change = () => elsewhere.getByRole("button", { name: "Change password" }).click();
  await elsewhere.getByLabel("Six-digit code").fill(code);
  await elsewhere.getByLabel("Password").fill("short");
  expect(await statusAfter(elsewhere, change)).toBe(422);
  await expectRefused(elsewhere, { field: "password", message: /characters/, path: "/reset/verify" });
  await expect(elsewhere.getByLabel("Six-digit code")).toHaveValue(code);

  const renewed = { ...person, password: "heron ladder salt morning" };
  await elsewhere.getByLabel("Password").fill(renewed.password);
  await change();
  await expect(elsewhere).not.toHaveURL(/\/reset/);

  await page.goto(`/${person.slug}`);
  await expect(page, "the session of before has ended").toHaveURL(/\/sign-in\?reason=ended/);
  await signIn(page, person);
  await expect(page.getByRole("alert")).toBeVisible();
  await signIn(page, renewed);
  await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
});

test("a reset for an address without an account looks the same", async ({ page }) => {
  await page.goto("/reset");
  const { email } = stranger();
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Send a code" }).click();
  await expect(page).toHaveURL(/\/reset\/verify$/);
  await expect(page.getByRole("main")).toContainText(`If ${email} has an account`);
});

test("sessions are listed, and one or all others can be ended", async ({ page, person, another }) => {
  const second = await another();
  const third = await another();
  for (const other of [second, third]) {
    await other.goto("/sign-in");
    await signIn(other, person);
    await expect(other).not.toHaveURL(/\/sign-in/);
  }
  await page.goto("/account/sessions");
  const rows = page.getByRole("table", { name: "Sessions" }).getByRole("row");
  await expect(rows).toHaveCount(4);
  await rows.filter({ hasNotText: "This one" }).getByRole("button", { name: /^End/ }).first().click();
  await expect(rows).toHaveCount(3);

  await page.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("button", { name: "End them" }).click();
  await expect(rows).toHaveCount(2);
  for (const other of [second, third]) {
    await other.goto("/account");
    await expect(other).toHaveURL(/\/sign-in\?reason=ended/);
  }
  await page.goto("/account");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your account");
});
