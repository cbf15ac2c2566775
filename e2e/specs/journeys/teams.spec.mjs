import { expectRefused, linkIn, mailTo, signIn, stranger, enrol, statusAfter, unique, verify } from "../../lib/people.mjs";
import { expect, test } from "../../lib/test.mjs";

async function invite(page, person, guest, role) {
  await page.goto(`/${person.slug}/members`);
  await page.getByLabel("Invite by e-mail").fill(guest.email);
  await page.getByLabel("Role", { exact: true }).selectOption({ label: role });
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await expect(page.getByRole("table", { name: "Pending invitations" })).toContainText(guest.email);
  return linkIn((await mailTo(page, guest.email, { subject: /^Join / })).text);
}

test("a second person joins by invitation while signing up", async ({ page, person, another }) => {
  const guest = stranger();
  const link = await invite(page, person, guest, "Contributor");
  const browser = await another();
  await browser.goto(link);
  await expect(browser.getByRole("heading", { level: 1 })).toHaveText(`Join ${person.team}`);
  await browser.getByRole("link", { name: "Create an account" }).click();
  await expect(browser.getByLabel("Work e-mail")).toHaveValue(guest.email);
  await verify(browser, guest.email);
  await browser.getByLabel("Your name").fill(guest.name);
  await browser.getByLabel("Password").fill(guest.password);
  await browser.getByRole("button", { name: "Create account and join" }).click();
  await browser.getByRole("button", { name: "Join the team" }).click();
  await expect(browser).toHaveURL(new RegExp(`/${person.slug}$`));
  await expect(browser.getByRole("heading", { level: 1 })).toHaveText("Dashboard");
  await expect(browser.getByRole("link", { name: "Settings" }), "a contributor manages nothing").toHaveCount(0);

  await page.reload();
  await expect(page.getByRole("table", { name: /in the team/ })).toContainText(guest.email);
  await browser.goto(link);
  await expect(browser.getByRole("heading", { level: 1 })).toHaveText("This invitation cannot be used");
  const refused = await browser.goto(`/${person.slug}/settings`);
  expect(refused.status()).toBe(403);
});

test("an invitation is for one address only, and can be taken back", async ({ page, person, another }) => {
  const guest = stranger();
  const link = await invite(page, person, guest, "Reader");
  const browser = await another();
  await enrol(browser, stranger());
  await browser.goto(link);
  await expect(browser.getByRole("main")).toContainText("You are signed in as");
  await expect(browser.getByRole("button", { name: "Join the team" })).toHaveCount(0);

  await page.getByRole("button", { name: `Revoke to ${guest.email}` }).click();
  await expect(page.getByText("Nobody is invited just now.")).toBeVisible();
  const gone = await browser.goto(link);
  expect(gone.status()).toBe(404);
});

test("two teams, and the switcher between them", async ({ page, person }) => {
  const second = `Second ${unique()}`;
  await page.locator(".rail summary", { hasText: "Team:" }).click();
  await page.locator(".rail").getByRole("link", { name: "New team" }).click();
  await page.getByLabel("Name of the team").fill(second);
  await page.getByRole("button", { name: "Make the team" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Set up ${second}`);

  await page.locator(".rail summary", { hasText: "Team:" }).click();
  await page.locator(".rail").getByRole("link", { name: person.team }).click();
  await expect(page).toHaveURL(new RegExp(`/${person.slug}$`));
  await page.goto("/teams");
  await expect(page.getByRole("table", { name: "Your teams" }).getByRole("row")).toHaveCount(3);
});

test("a team's address cannot be taken twice", async ({ page, person }) => {
  await page.goto("/teams/new");
  await page.getByLabel("Name of the team").fill("Another");
  await page.getByLabel("Address").fill(person.slug);
  const status = await statusAfter(page, () => page.getByRole("button", { name: "Make the team" }).click());
  expect(status).toBe(422);
  await expectRefused(page, { field: "slug", message: /./, path: "/teams/new" });
  await expect(page.getByLabel("Name of the team")).toHaveValue("Another");
});

test("a foreign team reads like one that is not there", async ({ page, person, another }) => {
  const stranger_ = stranger();
  const browser = await another();
  await enrol(browser, stranger_);
  const words = async (path) => {
    const answer = await browser.goto(path);
    expect(answer.status(), path).toBe(404);
    const text = await browser.getByRole("main").innerText();
    return text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "ID");
  };
  for (const path of ["", "/members", "/audit", "/settings", "/onboarding", "/search?q=a"]) {
    const foreign = await words(`/${person.slug}${path}`);
    expect(foreign).toBe(await words(`/no-${unique()}${path}`));
    expect(foreign).not.toContain(person.team);
  }
});

test("a custom role is made and given", async ({ page, person, another }) => {
  const guest = stranger();
  await page.goto(`/${person.slug}/roles`);
  await page.getByLabel("Name").fill("Watcher");
  await page.getByLabel("Read tasks").check();
  await page.getByLabel("See the team", { exact: true }).check();
  await page.getByRole("button", { name: "Add the role" }).click();
  await expect(page.getByRole("main")).toContainText("Watcher");
  const link = await invite(page, person, guest, "Watcher");
  const browser = await another();
  await browser.goto(link);
  await expect(browser.getByRole("main")).toContainText("as Watcher");
  await browser.getByRole("link", { name: "Sign in to an account you have" }).click();
  await signIn(browser, guest, "nothing that could fit");
  await expect(browser.getByRole("alert")).toBeVisible();
});

test("what was done stands in the audit log, and the chain is whole", async ({ page, person }) => {
  await page.goto(`/${person.slug}/audit`);
  await expect(page.getByRole("main")).toContainText("Chain intact.");
  await expect(page.locator(".audit")).toContainText("Created the team");
  await page.getByLabel("What").selectOption({ label: "Tasks" });
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByText("No row fits this filter")).toBeVisible();
});
