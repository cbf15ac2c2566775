import { expectAccessible } from "../../lib/checks.mjs";
import { statusAfter } from "../../lib/people.mjs";
import { expect, test } from "../../lib/test.mjs";

const button = (page, name) => page.getByRole("main").getByRole("button", { name, exact: true });

async function form(page, person, template) {
  await page.goto(`/${person.slug}/squads/new`);
  await page.getByLabel("Name").fill("Ledger core");
  await page.getByLabel(template).check();
  await button(page, "Form the squad").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Ledger core");
}

const members = (page) => page.getByRole("table", { name: /Members of the squad/ });

async function names(page) {
  const heads = await members(page).getByRole("rowheader").allInnerTexts();
  return heads.map((text) => text.split("\n").pop().trim());
}

test("a squad is formed from a template in two presses", async ({ page, person }) => {
  await page.goto(`/${person.slug}/squads`);
  await expect(page.getByText("No squad yet")).toBeVisible();
  await button(page, "Full squad").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Full squad");
  expect(await names(page)).toEqual(["lead", "architect", "coder-1", "coder-2", "tester", "reviewer"]);
  await expect(page.getByRole("img", { name: /^Plan, Implement, Verify, Review, Deliver\./ })).toBeVisible();
  await expectAccessible(page);
});

test("members change places, come and go", async ({ page, person }) => {
  await form(page, person, /Coder and reviewer/);
  await page.getByRole("button", { name: "Move coder down" }).click();
  await expect.poll(() => names(page)).toEqual(["reviewer", "coder"]);
  await page.getByLabel("Role of a new agent").selectOption({ label: "Tester" });
  await button(page, "Add an agent").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("tester");
  await page.getByRole("link", { name: "Back to the squad" }).click();
  await button(page, "Add a person").click();
  await expect.poll(() => names(page)).toEqual(["reviewer", "coder", "tester", person.name]);
  await page.getByRole("button", { name: "Remove tester" }).click();
  await page.locator("dialog:popover-open").getByRole("button", { name: "Remove", exact: true }).click();
  await expect.poll(() => names(page)).toEqual(["reviewer", "coder", person.name]);
});

test("an agent is changed, and its versions are kept", async ({ page, person }) => {
  await form(page, person, /Solo coder/);
  await members(page).getByRole("link", { name: "coder" }).click();
  await page.getByLabel("Instructions").fill("Small steps.");
  await page.getByLabel("US dollars in a run").fill("a lot");
  const status = await statusAfter(page, () => button(page, "Save the agent").click());
  expect(status).toBe(422);
  await expect(page.getByRole("alert")).toContainText("for example 2.50");
  await expect(page.getByLabel("Instructions")).toHaveValue("Small steps.");
  await expectAccessible(page);
  await page.getByLabel("US dollars in a run").fill("0.25");
  await button(page, "Save the agent").click();
  await expect(page.getByRole("heading", { name: "Versions" })).toBeVisible();
  await expect(page.getByText(/^v2 /)).toBeVisible();
});

test("stages, gates and bounds are changed, and the squad is archived", async ({ page, person }) => {
  await form(page, person, /Coder and reviewer/);
  await page.getByRole("link", { name: "Edit squad" }).click();
  await page.getByRole("group", { name: "Review: who works in it" }).getByLabel("Reviewer").uncheck();
  await page.getByLabel("A person approves the plan before anything is written").check();
  await page.getByLabel("Runs at once, at most").fill("2");
  await button(page, "Save rules").click();
  await expect(page.getByText("Left out: no agent reviews the change.")).toBeVisible();
  await expect(page.getByText("A person approves the plan before anything is written.")).toBeVisible();
  await page.getByRole("link", { name: "Edit squad" }).click();
  await expectAccessible(page);
  await button(page, "Archive the squad").click();
  await page.locator("dialog:popover-open").getByRole("button", { name: "Archive", exact: true }).click();
  await page.getByRole("link", { name: "Ledger core" }).click();
  await button(page, "Bring it back").click();
  await expect(page.getByRole("link", { name: "Edit squad" })).toBeVisible();
});

test("an agent type of the team's own", async ({ page, person }) => {
  await page.goto(`/${person.slug}/agent-types`);
  await expect(page.getByRole("table")).toContainText("Muster agent");
  await page.getByRole("link", { name: "Add an agent type" }).click();
  await page.getByLabel("Name for people").fill("Example");
  await page.getByLabel("Name for files and commands").fill("example");
  await page.getByLabel("Container image").fill("example/agent");
  await button(page, "Add the agent type").click();
  await expect(page.getByRole("table")).toContainText("example/agent:latest");
  await page.getByRole("button", { name: "Switch off Example" }).click();
  await expect(page.getByRole("button", { name: "Switch on Example" })).toBeVisible();
  await expectAccessible(page);
});
