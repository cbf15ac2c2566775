import { enrol, linkIn, mailTo, signIn, stranger, verify } from "./people.mjs";

/** A person with a new team, and what their browser remembers. */
export async function freshTeam(browser, baseURL) {
  const person = stranger();
  const context = await browser.newContext({ baseURL });
  await enrol(await context.newPage(), person);
  return { person, state: await kept(context) };
}

/**
 * A person whose team is at work: project, squad, task, a second member, an open invitation, a role of its own, and a
 * second session.
 */
export async function workingTeam(browser, baseURL) {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  const person = stranger();
  await enrol(page, person);
  await setUp(page);
  await keepCalls(page, person);
  await merged(page, person);
  const guest = stranger();
  const link = await invite(page, person, guest);
  const second = await browser.newContext({ baseURL });
  await join(await second.newPage(), guest, link);
  const reader = await kept(second);
  person.invitation = await invite(page, person, stranger());
  await page.goto(`/${person.slug}/roles`);
  await page.getByLabel("Name").fill("Release manager");
  await page.getByLabel("See the team", { exact: true }).check();
  await page.getByRole("button", { name: "Add the role" }).click();
  await page.getByRole("table").getByText("Release manager").first().waitFor();
  const third = await browser.newContext({ baseURL });
  const elsewhere = await third.newPage();
  await elsewhere.goto("/sign-in");
  await signIn(elsewhere, person);
  await elsewhere.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await third.close();
  return { person, state: await kept(context), reader };
}

async function kept(context) {
  const state = await context.storageState();
  await context.close();
  return state;
}

async function setUp(page) {
  await page.getByRole("button", { name: "Take the sample" }).click();
  await page.getByRole("button", { name: "Muster this squad" }).click();
  await page.getByLabel("What should be true at the end?").fill("A refund is paid once, however often it is asked for");
  await page.getByRole("button", { name: "Keep this task" }).click();
  await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
}

/** From now on the words of model calls can be read in the ledger. */
async function keepCalls(page, person) {
  await page.goto(`/${person.slug}/settings`);
  await page.getByRole("button", { name: "Keep requests and answers" }).click();
  await page.getByRole("button", { name: "Save the days" }).waitFor();
  await page.goto(`/${person.slug}`);
}

/** A merged run of the sample, and the address of its board. */
async function merged(page, person) {
  await page.getByRole("button", { name: "Run the sample task" }).click();
  const review = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await review.click({ timeout: 100_000 });
  await page.getByRole("button", { name: /^Approve and merge into main/ }).click();
  await page.locator("#task-state").getByText("Done").waitFor({ timeout: 60_000 });
  await page.goto(`/${person.slug}/projects`);
  person.board = await page.getByRole("main").getByRole("table").getByRole("link").first().getAttribute("href");
}

/** The link in the mail to a guest. */
export async function invite(page, person, guest) {
  await page.goto(`/${person.slug}/members`);
  await page.getByLabel("Invite by e-mail").fill(guest.email);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  return linkIn((await mailTo(page, guest.email, { subject: /^Join / })).text);
}

async function join(page, guest, link) {
  await page.goto(link);
  await page.getByRole("link", { name: "Create an account" }).click();
  await verify(page, guest.email);
  await page.getByLabel("Your name").fill(guest.name);
  await page.getByLabel("Password").fill(guest.password);
  await page.getByRole("button", { name: "Create account and join" }).click();
  await page.getByRole("button", { name: "Join the team" }).click();
  await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
}
