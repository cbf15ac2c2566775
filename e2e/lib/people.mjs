import { randomInt } from "node:crypto";

import { expect } from "@playwright/test";

/** Eight letters that no other test has; no digits, so that no mail mistakes them for a code. */
export function unique() {
  return Array.from({ length: 8 }, () => String.fromCharCode(97 + randomInt(26))).join("");
}

/** Somebody who is not known yet. */
export function stranger() {
  const id = unique();
  return {
    email: `${id}@quayside.example`,
    name: `Mira ${id}`,
    password: "otter lantern quay window",
    team: `Team ${id}`,
    slug: `team-${id}`,
  };
}

/** The newest mail to an address, read where a newcomer reads it: on the development outbox's page. */
export async function mailTo(page, email, { subject = /./, after = 0 } = {}) {
  const reader = await page.context().newPage();
  const about = reader.getByRole("heading", { name: subject });
  const mail = reader.getByRole("article").filter({ hasText: email }).filter({ has: about });
  await expect(async () => {
    await reader.goto("/outbox");
    expect(await mail.count()).toBeGreaterThan(after);
  }).toPass({ timeout: 15_000, intervals: [50, 100, 200, 400] });
  const text = await mail.first().locator("pre").innerText();
  const count = await mail.count();
  await reader.close();
  return { text, count };
}

/** The six digits of a mail. */
export function codeIn(text) {
  const found = text.match(/^\s*(\d{3}) ?(\d{3})\s*$/m);
  expect(found, `a code in the mail:\n${text}`).not.toBeNull();
  return found[1] + found[2];
}

/** The address on this site that a mail points to, as path and query. */
export function linkIn(text) {
  const found = text.match(/https?:\/\/\S+/);
  expect(found, `a link in the mail:\n${text}`).not.toBeNull();
  const url = new URL(found[0]);
  return url.pathname + url.search;
}

/** From the form of an address to the form of an account. */
export async function verify(page, email) {
  await page.getByLabel("Work e-mail").fill(email);
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page).toHaveURL(/\/sign-up\/verify$/);
  const { text } = await mailTo(page, email);
  await page.getByLabel("Six-digit code").fill(codeIn(text));
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page).toHaveURL(/\/sign-up\/account$/);
}

/** Through all of sign-up, to the new team's onboarding. */
export async function signUp(page, person) {
  await page.goto("/sign-up");
  await verify(page, person.email);
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("Password").fill(person.password);
  await page.getByLabel("Team", { exact: true }).fill(person.team);
  await page.getByRole("button", { name: "Create account and team" }).click();
  await expect(page).toHaveURL(new RegExp(`/${person.slug}/onboarding$`));
}

/** The same for a test about something else: the requests of those forms, without drawing their pages. */
export async function enrol(page, person) {
  const { origin } = new URL((await page.request.get("/sign-up")).url());
  const post = async (path, form) => {
    const answer = await page.request.post(path, { form, headers: { origin }, maxRedirects: 0 });
    expect(answer.status(), `POST ${path}: ${await answer.text()}`).toBe(303);
  };
  await post("/sign-up", { email: person.email });
  let mail;
  await expect(async () => {
    const articles = (await (await page.request.get("/outbox")).text()).split("<article");
    mail = articles.find((article) => article.includes(person.email));
    expect(mail).toBeDefined();
  }).toPass({ timeout: 15_000, intervals: [20, 50, 100, 200, 400] });
  await post("/sign-up/verify", { code: codeIn(mail.replaceAll(/<[^>]*>/g, "\n")) });
  await post("/sign-up/account", { name: person.name, password: person.password, team: person.team });
  await page.goto(`/${person.slug}/onboarding`);
}

/** Fills the sign-in form that is shown. */
export async function signIn(page, person, password = person.password) {
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
}

export async function signOut(page) {
  await page.locator(".rail summary", { hasText: "Account:" }).click();
  await page.locator(".rail").getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in\?reason=out$/);
}

/** A form that came back: the status, the summary's link, the error at its field, nothing of it in the address. */
export async function expectRefused(page, { field, message, path }) {
  await expect(page).toHaveTitle(/^Error: /);
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(path);
  const summary = page.getByRole("alert");
  await expect(summary.getByRole("link", { name: message })).toHaveAttribute("href", `#${field}`);
  await expect(summary).toBeFocused();
  const input = page.locator(`#${field}`);
  await expect(input).toHaveAttribute("aria-invalid", "true");
  await expect(input).toHaveAccessibleDescription(message);
}

/** Presses a button and tells the status of the page that answers. */
export async function statusAfter(page, press) {
  const answer = page.waitForResponse((response) => response.request().isNavigationRequest());
  await press();
  return (await answer).status();
}
