import { expect } from "@playwright/test";

import { enrol, signIn, stranger, unique, verify } from "./people.mjs";
import { invite } from "./world.mjs";

/** Presses a button and gives the answer of the page that follows. */
async function answerTo(page, press) {
  const answer = page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303);
  await press();
  return answer;
}

const at = (path) => (page, person) => page.goto(typeof path === "function" ? path(person) : path);
const button = (page, name) => () => page.getByRole("main").getByRole("button", { name, exact: true }).click();

async function failedSignIn(page) {
  await page.goto("/sign-in");
  return answerTo(page, () => signIn(page, stranger(), "not the password at all"));
}

async function failedSignUp(page) {
  await page.goto("/sign-up");
  await page.getByLabel("Work e-mail").fill("nobody");
  return answerTo(page, button(page, "Continue"));
}

async function codePage(page) {
  await page.goto("/sign-up");
  await page.getByLabel("Work e-mail").fill(stranger().email);
  return answerTo(page, button(page, "Continue"));
}

async function failedCode(page) {
  await codePage(page);
  await page.getByLabel("Six-digit code").fill("12");
  return answerTo(page, button(page, "Verify"));
}

async function codeSentAgain(page) {
  await codePage(page);
  const { origin } = new URL(page.url());
  // What its button sends, which a page opens to the press after a while.
  const answer = await page.request.post("/sign-up/resend", { headers: { origin }, maxRedirects: 0 });
  expect(answer.status()).toBe(303);
  const response = await page.goto("/sign-up/verify");
  await expect(page.getByText("a new code is on its way")).toBeVisible();
  return response;
}

async function accountPage(page) {
  await page.goto("/sign-up");
  await verify(page, stranger().email);
  return page.reload();
}

async function failedAccount(page) {
  await accountPage(page);
  return answerTo(page, button(page, "Create account and team"));
}

async function resetPage(page) {
  await page.goto("/reset");
  await page.getByLabel("E-mail").fill(stranger().email);
  return answerTo(page, button(page, "Send a code"));
}

async function failedReset(page) {
  await resetPage(page);
  await page.getByLabel("Six-digit code").fill("12");
  await page.getByLabel("Password").fill("short");
  return answerTo(page, button(page, "Change password"));
}

/** What anybody can open. None of them may load a script. */
export const PUBLIC = [
  { name: "home", open: at("/") },
  { name: "pricing", open: at("/pricing") },
  { name: "pricing, yearly", open: at("/pricing?period=yearly") },
  { name: "security", open: at("/security") },
  { name: "status", open: at("/status") },
  { name: "accessibility", open: at("/accessibility") },
  { name: "sign-in", open: at("/sign-in") },
  { name: "sign-in, failed", open: failedSignIn, status: 422 },
  { name: "sign-in, session ended", open: at("/sign-in?reason=ended") },
  { name: "sign-in, needed", open: at("/sign-in?reason=needed&next=/account") },
  { name: "sign-up", open: at("/sign-up") },
  { name: "sign-up, failed", open: failedSignUp, status: 422 },
  { name: "verify", open: codePage },
  { name: "verify, failed", open: failedCode, status: 422 },
  { name: "verify, sent again", open: codeSentAgain },
  { name: "choose a password", open: accountPage },
  { name: "choose a password, failed", open: failedAccount, status: 422 },
  { name: "reset", open: at("/reset") },
  { name: "reset, code", open: resetPage },
  { name: "reset, failed", open: failedReset, status: 422 },
  { name: "invitation, gone", open: at("/invitation?token=gone"), status: 404 },
  { name: "invitation", open: (page, person) => page.goto(person.invitation) },
  { name: "outbox", open: at("/outbox") },
  { name: "not found", open: at("/nothing/here"), status: 404 },
];

const team = (path) => at((person) => `/${person.slug}${path}`);

async function failedInvitation(page, person) {
  await page.goto(`/${person.slug}/members`);
  await page.getByLabel("Invite by e-mail").fill(person.email);
  return answerTo(page, button(page, "Invite"));
}

async function failedRole(page, person) {
  await page.goto(`/${person.slug}/roles`);
  await page.getByLabel("Name").fill("Nothing");
  return answerTo(page, button(page, "Add the role"));
}

async function failedProject(page, person) {
  await page.goto(`/${person.slug}/onboarding`);
  await page.getByLabel("Git address").fill("not an address");
  return answerTo(page, button(page, "Add this project"));
}

const projectPath = (below) => async (page, person) => page.goto(`${person.board}${below}`);

async function failedLine(page, person) {
  await page.goto(person.board);
  await page.locator("[data-column=TODO] summary").first().click();
  await page.getByRole("textbox", { name: "Add a task to To do" }).fill("#only");
  return answerTo(page, () => page.keyboard.press("Enter"));
}

async function failedProjectForm(page, person) {
  await page.goto(`/${person.slug}/projects/new`);
  await page.getByLabel("Git address").fill("ssh://git.example/ledger");
  return answerTo(page, button(page, "Add the project"));
}

async function failedBudget(page, person) {
  await page.goto(`/${person.slug}/budgets/edit`);
  await page.getByLabel("Limit in US dollars").fill("lots");
  return answerTo(page, button(page, "Save the budget"));
}

async function failedModels(page, person) {
  await page.goto(`${person.board}/settings`);
  await page.getByLabel("Allowed models").fill("elsewhere/*");
  return answerTo(page, button(page, "Save the settings"));
}

/** What the first link of this kind on a page of the team leads to. */
const linked = (from, link, below = "") => async (page, person) => {
  await page.goto(`/${person.slug}${from}`);
  const href = await page.getByRole("main").locator(link).first().getAttribute("href");
  return page.goto(`${href}${below}`);
};

async function agent(page, person) {
  await linked("/squads", 'a[href*="/squads/0"]')(page, person);
  const href = await page.getByRole("main").locator('a[href*="/agents/"]').first().getAttribute("href");
  return page.goto(href);
}

/** One of the team's own: those that come with Muster stay as they are. */
async function agentType(page, person) {
  const name = unique();
  await page.goto(`/${person.slug}/agent-types/new`);
  await page.getByLabel("Name for people").fill(`Example ${name}`);
  await page.getByLabel("Name for files and commands").fill(name);
  await page.getByLabel("Container image").fill("example/agent");
  await button(page, "Add the agent type")();
  await page.getByRole("table").getByText(`Example ${name}`).first().waitFor();
  return linked("/agent-types", 'a[href*="/agent-types/0"]')(page, person);
}

/** With every piece of text that other programs need. */
async function gateway(page, person) {
  const response = await page.goto(`/${person.slug}/settings/gateway`);
  for (const summary of await page.locator("main summary").all()) {
    await summary.click();
  }
  return response;
}

/** A team with a limit of its own, so that there is something to draw. */
async function budgets(page, person) {
  await page.goto(`/${person.slug}/budgets/edit`);
  await page.getByLabel("Limit in US dollars").fill("25");
  await page.getByRole("main").getByRole("button", { name: "Save the budget" }).click();
  return page.goto(`/${person.slug}/budgets`);
}

async function failedName(page) {
  await page.goto("/account");
  await page.getByLabel("Name", { exact: true }).fill(" ");
  return answerTo(page, button(page, "Save"));
}

async function failedPassword(page) {
  await page.goto("/account");
  await page.getByLabel("Password now").fill("not my password today");
  await page.getByLabel("New password").fill("heron ladder salt morning");
  return answerTo(page, button(page, "Change password"));
}

async function failedTeam(page) {
  await page.goto("/teams/new");
  await page.getByLabel("Name of the team").fill("Quay");
  await page.getByLabel("Address").fill("-");
  return answerTo(page, button(page, "Make the team"));
}

/** An invitation for the person who is signed in; the browser keeps its look. */
async function ownInvitation(page, person) {
  const guest = stranger();
  const link = await invite(page, person, guest);
  await page.context().clearCookies({ name: /session$/ });
  await enrol(page, guest);
  const response = await page.goto(link);
  await expect(page.getByRole("button", { name: "Join the team" })).toBeVisible();
  return response;
}

/** An invitation for somebody else than who is signed in. */
async function othersInvitation(page, person) {
  const response = await page.goto(await invite(page, person, stranger()));
  await expect(page.getByText("You are signed in as")).toBeVisible();
  return response;
}

/** What a person with a new, empty team sees. */
export const FRESH = [
  { name: "onboarding", open: team("/onboarding") },
  { name: "onboarding, renaming", open: team("/onboarding?change=team") },
  { name: "onboarding, failed", open: failedProject, status: 422 },
  { name: "dashboard, empty", open: team("") },
  { name: "inbox, empty", open: team("/inbox") },
  { name: "members, alone", open: team("/members") },
  { name: "budgets, none", open: team("/budgets") },
  { name: "analytics, none", open: team("/analytics") },
  { name: "account, name failed", open: failedName, status: 422 },
  { name: "account, password failed", open: failedPassword, status: 422 },
  { name: "new team, failed", open: failedTeam, status: 422 },
  { name: "invitation, to join", open: ownInvitation },
  { name: "invitation, another account", open: othersInvitation },
];

/** What a person in a team at work sees. */
export const WORKING = [
  { name: "dashboard", open: team("") },
  { name: "inbox", open: team("/inbox") },
  { name: "onboarding, done", open: team("/onboarding") },
  { name: "projects", open: team("/projects") },
  { name: "new project", open: team("/projects/new") },
  { name: "new project, failed", open: failedProjectForm, status: 422 },
  { name: "new project, archive", open: team("/projects/new?source=archive") },
  { name: "board", open: projectPath("") },
  { name: "board, nothing fits", open: projectPath("?q=zzzz") },
  { name: "board, failed", open: failedLine, status: 422 },
  { name: "list of tasks", open: projectPath("/list") },
  { name: "project settings", open: projectPath("/settings") },
  { name: "project settings, failed", open: failedModels, status: 422 },
  { name: "new task", open: projectPath("/tasks/new") },
  { name: "edit a task", open: team("/tasks/1/edit") },
  { name: "squads", open: team("/squads") },
  { name: "new squad", open: team("/squads/new") },
  { name: "squad", open: linked("/squads", 'a[href*="/squads/0"]') },
  { name: "edit a squad", open: linked("/squads", 'a[href*="/squads/0"]', "/edit") },
  { name: "agent", open: agent },
  { name: "agent types", open: team("/agent-types") },
  { name: "new agent type", open: team("/agent-types/new") },
  { name: "agent type", open: agentType },
  { name: "task", open: team("/tasks/1") },
  { name: "task, merged", open: team("/tasks/2") },
  { name: "task, changes", open: team("/tasks/2/changes") },
  { name: "review, merged", open: team("/tasks/2/review") },
  { name: "task, files", open: team("/tasks/2/artifacts") },
  { name: "task, artifacts", open: team("/tasks/1/artifacts") },
  { name: "task, history", open: team("/tasks/1/history") },
  { name: "members", open: team("/members") },
  { name: "members, failed", open: failedInvitation, status: 422 },
  { name: "roles", open: team("/roles") },
  { name: "roles, failed", open: failedRole, status: 422 },
  { name: "audit", open: team("/audit") },
  { name: "audit, nothing fits", open: team("/audit?q=zzzz") },
  { name: "settings", open: team("/settings") },
  { name: "models", open: team("/settings/models") },
  { name: "model gateway", open: gateway },
  { name: "tokens", open: team("/tokens") },
  { name: "budgets", open: budgets },
  { name: "budget", open: team("/budgets/edit") },
  { name: "budget, failed", open: failedBudget, status: 422 },
  { name: "ask for a budget", open: team("/budgets/ask") },
  { name: "ledger", open: team("/budgets/ledger") },
  { name: "a model call", open: linked("/budgets/ledger", 'a[href*="/budgets/ledger/0"]') },
  { name: "emergency pause", open: team("/budgets/pauses") },
  { name: "analytics", open: team("/analytics") },
  { name: "analytics, by agent", open: team("/analytics?by=agent&range=7d") },
  { name: "analytics, another model", open: team("/analytics?instead=Anthropic/claude-sonnet-5") },
  { name: "analytics, nothing fits", open: team("/analytics?model=none/such") },
  { name: "analytics, failed", open: team("/analytics?from=soon&to=2026-11-01"), status: 422 },
  { name: "analytics, tasks", open: team("/analytics/tasks") },
  { name: "search", open: team("/search") },
  { name: "search, found", open: team("/search?q=a") },
  { name: "search, nothing", open: team("/search?q=zzzz") },
  { name: "account", open: at("/account") },
  { name: "sessions", open: at("/account/sessions") },
  { name: "teams", open: at("/teams") },
  { name: "new team", open: at("/teams/new") },
  { name: "not found, signed in", open: team("/nothing-here"), status: 404 },
  { name: "gallery", open: at("/gallery") },
];

/** Sets the look by the forms' own route and opens the page; checks that it is the page meant. */
export async function openIn(page, one, person, theme, contrast = "normal") {
  const { origin } = new URL(process.env.E2E_URL);
  await page.context().addCookies([{ name: "appearance", value: `${theme}.${contrast}`, url: origin }]);
  const response = await one.open(page, person);
  expect(response.status(), one.name).toBe(one.status ?? 200);
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
  return response;
}
