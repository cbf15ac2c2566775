import { codeIn, expectRefused, mailTo, signUp, statusAfter, stranger, verify } from "../../lib/people.mjs";
import { expect, test } from "../../lib/test.mjs";

test("a newcomer gets from the home page to a dashboard with a task", async ({ page }) => {
  const person = stranger();
  await page.goto("/");
  await page.getByRole("banner").getByRole("link", { name: "Start free" }).click();
  await expect(page).toHaveURL(/\/sign-up$/);
  await signUp(page, person);

  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Set up ${person.team}`);
  await page.getByRole("button", { name: "Take the sample" }).click();
  await expect(page).toHaveURL(/\/onboarding$/);
  await page.getByRole("radio", { name: /Coder and reviewer/ }).check();
  await page.getByRole("button", { name: "Muster this squad" }).click();
  await page.getByLabel("What should be true at the end?").fill("A refund is paid once, however often it is asked for");
  await page.getByRole("button", { name: "Keep this task" }).click();

  await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
  await expect(page.getByRole("heading", { level: 1, name: "Dashboard" })).toBeVisible();
  await expect(page.getByRole("region", { name: /^Tasks/ })).toContainText("A refund is paid once");
  await expect(page.getByRole("region", { name: `Set up ${person.team}` })).toContainText("4 of 5 done");
  await expect(page.getByRole("region", { name: "Activity" })).toContainText("wrote a task");

  await page.getByRole("link", { name: "Invite", exact: true }).click();
  await page.getByLabel("Invite by e-mail").fill(stranger().email);
  await page.getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("status")).toContainText(/invit/i);
  await page.goto(`/${person.slug}`);
  await expect(page.getByRole("region", { name: `Set up ${person.team}` })).toHaveCount(0);
});

test("every step but the first can be skipped, and done later", async ({ page, person }) => {
  for (const title of ["Bring code, or take the sample", "Muster a squad", "Write the first task"]) {
    const step = page.locator("[aria-current=step]");
    await expect(step.getByRole("heading", { name: title })).toBeVisible();
    await step.getByRole("button", { name: "Skip this step" }).click();
  }
  await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
  await expect(page.getByRole("region", { name: `Set up ${person.team}` })).toContainText("1 of 5 done");

  await page.getByRole("link", { name: "Muster a squad" }).click();
  await page.getByText("Muster a squad").click();
  await page.getByRole("button", { name: "Muster this squad" }).click();
  await page.goto(`/${person.slug}`);
  await expect(page.getByRole("region", { name: `Set up ${person.team}` })).toContainText("2 of 5 done");
});

test("the team's name can be changed from the first step", async ({ page, person }) => {
  await page.getByRole("link", { name: "Change the team's name" }).click();
  await page.getByLabel("Name of the team").fill("Harbour works");
  await page.getByRole("button", { name: "Save the name" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up Harbour works");
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/onboarding$`));
});

test("a wrong address, a wrong code and a weak password come back with what was typed", async ({ page }) => {
  const person = stranger();
  await page.goto("/sign-up");
  await page.getByLabel("Work e-mail").fill("mira at quayside");
  const press = (name) => () => page.getByRole("button", { name }).click();
  expect(await statusAfter(page, press("Continue"))).toBe(422);
  await expectRefused(page, { field: "email", message: /address/i, path: "/sign-up" });
  await expect(page.getByLabel("Work e-mail")).toHaveValue("mira at quayside");

  await page.getByLabel("Work e-mail").fill(person.email);
  await page.getByRole("button", { name: "Continue" }).click();
  const code = codeIn((await mailTo(page, person.email)).text);
  const wrong = code === "123456" ? "654321" : "123456";
  await page.getByLabel("Six-digit code").fill(wrong);
  expect(await statusAfter(page, press("Verify"))).toBe(422);
  await expectRefused(page, { field: "code", message: /code/, path: "/sign-up/verify" });
  await expect(page.getByLabel("Six-digit code")).toHaveValue(wrong);
  await expect(page.getByText(/\d tries left|1 try left/)).toBeVisible();

  await page.getByLabel("Six-digit code").fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("Password").fill("password123");
  await page.getByLabel("Team", { exact: true }).fill(person.team);
  expect(await statusAfter(page, press("Create account and team"))).toBe(422);
  await expectRefused(page, { field: "password", message: /password/i, path: "/sign-up/account" });
  await expect(page.getByLabel("Your name")).toHaveValue(person.name);
  await expect(page.getByLabel("Team", { exact: true })).toHaveValue(person.team);
  await expect(page.getByLabel("Password")).toHaveValue("");
});

test("a code can be sent again, and only the newest works", async ({ page }) => {
  const person = stranger();
  await page.goto("/sign-up");
  await page.getByLabel("Work e-mail").fill(person.email);
  await page.getByRole("button", { name: "Continue" }).click();
  const first = codeIn((await mailTo(page, person.email)).text);
  await page.getByRole("button", { name: "Send again" }).click();
  await expect(page.getByRole("status")).toContainText("a new code is on its way");
  const second = codeIn((await mailTo(page, person.email, { after: 1 })).text);
  expect(second, "one in a million says this is chance").not.toBe(first);
  await page.getByLabel("Six-digit code").fill(first);
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel("Six-digit code").fill(second);
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page).toHaveURL(/\/sign-up\/account$/);
});

test("sign-up of a known address looks the same, and the mail says so", async ({ page, person, another }) => {
  const other = await another();
  await other.goto("/sign-up");
  await other.getByLabel("Work e-mail").fill(person.email);
  await other.getByRole("button", { name: "Continue" }).click();
  await expect(other).toHaveURL(/\/sign-up\/verify$/);
  await expect(other.getByRole("main")).toContainText(`If ${person.email} can sign up, a six-digit code is on its way`);
  const { text } = await mailTo(other, person.email, { subject: /already have/ });
  expect(text).toContain("/sign-in");
});

test("later steps without the earlier ones lead back to the first", async ({ page }) => {
  for (const path of ["/sign-up/verify", "/sign-up/account"]) {
    await page.goto(path);
    await expect(page).toHaveURL(/\/sign-up$/);
  }
  await page.goto("/sign-up");
  await verify(page, stranger().email);
  await page.goto("/sign-up/verify");
  await expect(page).toHaveURL(/\/sign-up\/account$/);
});
