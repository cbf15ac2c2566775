import { test as base, expect } from "@playwright/test";

import { withoutDocker } from "./docker.mjs";
import { enrol, stranger } from "./people.mjs";
import { startServer } from "./server.mjs";

/**
 * Collects what a browser complains about: errors in the console, which is also where it writes each refusal of the
 * content security policy, and errors that no script caught. The status of a page itself is no complaint.
 */
export function watch(context) {
  const complaints = [];
  const pages = new Set();
  context.on("response", (response) => {
    if (response.request().isNavigationRequest()) pages.add(response.url());
  });
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    const { url } = message.location();
    const text = message.text();
    if (text.startsWith("Failed to load resource") && pages.has(url)) return;
    complaints.push(`${text} (${url})`);
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  return complaints;
}

export const test = base.extend({
  /** Where sandboxes run: on the server of all specs, which is "local", or "docker", which gets a server of its own. */
  backend: ["", { option: true, scope: "worker" }],

  /** The address of the server, or why there is none. */
  server: [
    async ({ backend }, use) => {
      if (!backend) return use({ url: process.env.E2E_URL });
      const missing = await withoutDocker();
      if (missing) {
        console.log(`skipped: the journeys on Docker. ${missing}.`);
        return use({ missing });
      }
      const server = await startServer({ MUSTER_SANDBOX__BACKEND: backend });
      await use({ url: server.url });
      expect(await server.stop(), "how the server on Docker ended").toBe(0);
    },
    { scope: "worker", timeout: 120_000 },
  ],

  baseURL: async ({ server }, use, info) => {
    info.skip(Boolean(server.missing), server.missing);
    await use(server.url);
  },

  context: async ({ context }, use) => {
    const complaints = watch(context);
    await use(context);
    expect(complaints, "what the browser complained about").toEqual([]);
  },

  /** Opens a browser of a second person, watched like the first. */
  another: async ({ browser, baseURL, javaScriptEnabled, contextOptions, locale, timezoneId, viewport }, use) => {
    const opened = [];
    await use(async () => {
      const options = { ...contextOptions, baseURL, javaScriptEnabled, locale, timezoneId, viewport };
      const context = await browser.newContext(options);
      opened.push({ context, complaints: watch(context) });
      return context.newPage();
    });
    for (const { context, complaints } of opened) {
      await context.close();
      expect(complaints, "what the second browser complained about").toEqual([]);
    }
  },

  /** Somebody new, signed in on `page` with a team of their own, at its onboarding. */
  person: async ({ page }, use) => {
    const person = stranger();
    await enrol(page, person);
    await use(person);
  },
});

export { expect };
