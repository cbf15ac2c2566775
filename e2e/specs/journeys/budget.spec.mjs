import { join } from "node:path";

import { enrol, stranger } from "../../lib/people.mjs";
import { patience } from "../../lib/patience.mjs";
import { expect, test } from "../../lib/test.mjs";

/** In US dollars. */
const SMALL = "0.05";
const ENOUGH = "50";

/**
 * What the team has agreed on with its provider, in US dollars for a million tokens. At this price the sample costs about as much as
 * the small budget, and the most that one of its calls could cost is less than a fifth of it: the warning at 80 % comes a few calls
 * before the stop.
 */
const PRICE = { Input: "0.51", "Input from the cache": "0.51", "Input into the cache": "0.51", "Output, with reasoning": "0.02" };

/**
 * A key of another team's gateway, whose models are the demo's: to the first team it is a provider like any other.
 */
async function foreignModels(page) {
  const other = stranger();
  await enrol(page, other);
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

async function agreePrice(page, person) {
  await page.goto(`/${person.slug}/settings/gateway`);
  const form = page.locator("form", { has: page.getByRole("button", { name: "Save the price" }) });
  await form.getByLabel("Provider").selectOption({ label: "Paid models" });
  await form.getByLabel("Model", { exact: true }).fill("demo");
  for (const [what, rate] of Object.entries(PRICE)) await form.getByLabel(what, { exact: true }).fill(rate);
  await form.getByRole("button", { name: "Save the price" }).click();
  await expect(page.getByRole("region", { name: "Agreed prices" })).toContainText("Paid models");
}

/** All that the ledger counts, in US dollars. */
async function spent(page, person) {
  const lines = await (await page.request.get(`/${person.slug}/budgets/ledger.jsonl`)).text();
  const entries = lines.trim().split("\n").map((line) => JSON.parse(line));
  const micros = entries.reduce((sum, entry) => sum + (entry.used?.counted_micro_usd ?? 0), 0);
  expect(micros, "something was spent").toBeGreaterThan(0);
  return micros / 1_000_000;
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
  await page.getByLabel("The team may spend, in US dollars").fill(SMALL);
  await page.getByRole("button", { name: "Set the budget" }).click();
  await expect(page.getByRole("main")).toContainText(`$${SMALL}`);
  const key = await foreignModels(await another());
  await addProvider(page, person, key);
  await agreePrice(page, person);
  await page.goto(`/${person.slug}/budgets`);
  // The call that tried the provider out, before a price was agreed: the rate for unknown ones counts a hundredth of the budget.
  await expect(page.getByRole("region", { name: "Ledger" })).toContainText("price unknown");

  await page.goto(`/${person.slug}`);
  await page.getByRole("button", { name: "Run the sample task" }).click();
  await expect(page).toHaveURL(/\/tasks\/1$/);

  const alerts = page.getByRole("region", { name: "Alerts and requests" });
  const atBudgets = async () => {
    await page.goto(`/${person.slug}/budgets`);
    await expect(alerts).toContainText("passed 80 %", { timeout: 1_000 });
  };
  await expect(atBudgets).toPass({ timeout: 100_000, intervals: [250] });
  await picture("1-warned");
  await page.goto(`/${person.slug}/tasks/1`);
  await until((timeout) => expect(page.locator("#task-held")).toContainText("Paused:", { timeout }));
  await expect(page.locator("#task-held")).toContainText(`allows ${SMALL} USD`);
  await picture("2-held-up");

  await page.goto(`/${person.slug}/budgets`);
  // Newest first: the warning came before the stop.
  await expect(alerts.getByRole("listitem")).toContainText(["has reached its limit", "passed 80 %"]);
  await expect(page.getByRole("navigation", { name: "Main" })).toContainText("limit reached");
  await picture("3-alerts");
  expect(await spent(page, person)).toBeLessThanOrEqual(Number(SMALL));

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
  await picture("4-after");
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
