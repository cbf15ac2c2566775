import { join } from "node:path";

import { signUp, stranger } from "../../lib/people.mjs";
import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

/**
 * In US dollars. The sample spends more than the first at the team's rate, so the run stops inside a step. The worst case of its calls
 * is a third of that, so the warning before it stands at half.
 */
const SMALL = "0.60";
const WARNING = "50";
const ENOUGH = "50";

/**
 * A key of another team's gateway, whose models are the demo's: to the first team it is a provider like any other, with a price
 * that nobody knows.
 */
async function foreignModels(page) {
  const other = stranger();
  await signUp(page, other);
  await page.goto(`/${other.slug}/settings/gateway`);
  await page.getByLabel("What it is for").fill("A provider");
  await page.getByRole("button", { name: "Make the key" }).click();
  return page.locator(".secret__text").first().innerText();
}

async function addProvider(page, person, key) {
  await page.goto(`/${person.slug}/settings/models?preset=other`);
  await page.getByLabel("Name", { exact: true }).fill("Paid models");
  await page.getByLabel("Address of the API").fill(`${process.env.E2E_URL}/llm/openai/v1`);
  await page.getByLabel("Model", { exact: true }).fill("demo");
  await page.getByLabel("Key, where the server wants one").fill(key);
  await page.getByRole("button", { name: "Save and try" }).click();
  await expect(page.getByRole("main")).toContainText("Works");
  // The first provider of a team's own is its default.
  await expect(page.getByRole("row", { name: /^Paid models/ })).toContainText("Used by agents that name no other");
}

async function setBudget(page, amount) {
  await page.getByLabel("Limit in US dollars").fill(amount);
  await page.getByRole("button", { name: "Save the budget" }).click();
  await expect(page).toHaveURL(/\/budgets$/);
}

test("a budget warns, stops a run inside a step, and lets it go on when it is raised", async ({
  page,
  person,
  another,
  javaScriptEnabled,
}, info) => {
  test.setTimeout(240_000);
  const picture = (name) => page.screenshot({ path: join(info.outputDir, `${name}.png`), fullPage: true });
  const until = patience(page, javaScriptEnabled);

  await page.goto(`/${person.slug}/budgets`);
  await expect(page.getByRole("main")).toContainText("No budget is set");
  await page.getByLabel("The team may spend, in US dollars").fill(ENOUGH);
  await page.getByRole("button", { name: "Set the budget" }).click();
  await expect(page.getByRole("main")).toContainText(`$${ENOUGH}`);
  const key = await foreignModels(await another());
  await addProvider(page, person, key);
  await page.goto(`/${person.slug}/budgets`);
  // The call that tried the provider out.
  await expect(page.getByRole("region", { name: "Ledger" })).toContainText("Settled");
  await page.getByRole("link", { name: /^Edit the budget of/ }).click();
  await page.getByLabel("Warn at, in per cent").fill(WARNING);
  await setBudget(page, SMALL);
  await expect(page.getByRole("main")).toContainText(`$${SMALL}`);

  await page.goto(`/${person.slug}`);
  await page.getByRole("button", { name: "Run the sample task" }).click();
  await expect(page).toHaveURL(/\/tasks\/1$/);
  await until((timeout) => expect(page.locator("#task-held")).toContainText("Paused:", { timeout }));
  await expect(page.locator("#task-held")).toContainText(`allows ${SMALL} USD`);
  await picture("1-held-up");

  await page.goto(`/${person.slug}/budgets`);
  const alerts = page.getByRole("region", { name: "Alerts and requests" });
  await expect(alerts).toContainText(`passed ${WARNING} %`);
  await expect(alerts).toContainText("has reached its limit");
  await expect(page.getByRole("navigation", { name: "Main" })).toContainText("limit reached");
  await picture("2-alerts");

  await page.goto(`/${person.slug}/tasks/1`);
  await page.locator("#task-held").getByRole("link", { name: "Raise the budget" }).click();
  await setBudget(page, ENOUGH);
  await page.goto(`/${person.slug}/tasks/1`);
  const review = page.locator("#task-actions").getByRole("link", { name: "Review changes" });
  await until((timeout) => expect(review).toBeVisible({ timeout }));
  await review.click();
  await page.getByRole("button", { name: /^Approve and merge/ }).click();
  await until((timeout) => expect(page.locator("#task-state")).toContainText("Done", { timeout }));

  await page.goto(`/${person.slug}/budgets`);
  await expect(page.getByRole("main")).toContainText("$50.00");
  await picture("3-after");
  await page.goto(`/${person.slug}/budgets/ledger?kind=settled`);
  await expect(page.getByRole("main")).toContainText("price unknown");
});

test("work is paused with a reason and goes on when it is resumed", async ({ page, person }) => {
  await page.goto(`/${person.slug}/members`);
  await page.getByRole("link", { name: "Pause all work…" }).click();
  await page.getByRole("button", { name: "Pause now" }).click();
  await expect(page).toHaveTitle(/^Error: /);
  await page.getByLabel("Why?").fill("Somebody looks at the invoices first");
  await page.getByRole("button", { name: "Pause now" }).click();
  await expect(page.getByRole("main")).toContainText("is paused");
  await page.goto(`/${person.slug}/members`);
  await expect(page.getByRole("region", { name: "Announcements" })).toContainText("Somebody looks at the invoices first");
  await page.getByRole("link", { name: "See the pause" }).click();
  await page.getByRole("button", { name: /^Resume/ }).click();
  await expect(page.getByRole("main")).toContainText("Nothing is paused.");
});
