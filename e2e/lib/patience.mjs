import { expect } from "./test.mjs";

/**
 * Waits until a check of the page passes; the check is given the milliseconds that it may take. Without a script a page is a
 * snapshot: it is opened again until it shows what is waited for, as a person does by F5.
 */
export const patience = (page, javaScriptEnabled) => (check) =>
  javaScriptEnabled === false
    ? expect(async () => {
        await page.reload();
        await check(1_000);
      }).toPass({ timeout: 100_000, intervals: [500] })
    : check(100_000);
