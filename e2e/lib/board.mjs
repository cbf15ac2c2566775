/** Adds an empty project with a form; the page is its board afterwards. Returns the board's address. */
export async function emptyProject(page, person, name) {
  await page.goto(`/${person.slug}/projects/new?source=empty`);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Add the project" }).click();
  await page.getByRole("heading", { level: 1, name: `Board of ${name}` }).waitFor();
  await page.waitForLoadState();
  return new URL(page.url()).pathname;
}

/** The column of a state, by the word that people read. */
export const column = (page, word) => page.getByRole("region", { name: word, exact: true });

/** The titles of a column's cards, from top to bottom. */
export const titles = (within) => within.locator(".card__title").allInnerTexts();

/** Writes tasks on one line each; the last one stands on top. The page's scripts have run afterwards. */
export async function write(page, word, lines) {
  for (const line of lines) {
    await column(page, word).locator("summary").first().click();
    await page.getByRole("textbox", { name: `Add a task to ${word}` }).fill(line);
    // The page before may show the task too, as news, while the next one is still on its way.
    const next = page.waitForEvent("load");
    await page.keyboard.press("Enter");
    await next;
    await column(page, word).getByText(line.split(" #")[0]).waitFor();
  }
}
