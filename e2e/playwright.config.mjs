import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

// Named by whoever runs the tests, the system's, or the one that Playwright downloaded.
const SYSTEM = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const executablePath = process.env.CHROMIUM || SYSTEM.find((file) => existsSync(file));

// What Chromium needs on a machine that is also a server: no sandbox as root, nothing asked of the network.
const launchOptions = {
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
  ],
};

export default defineConfig({
  testDir: "specs",
  outputDir: "results",
  globalSetup: "./lib/setup.mjs",
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  // A test that passes on the second try hides a fault.
  retries: 0,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["./lib/summary.mjs"]],
  use: {
    launchOptions,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1280, height: 800 },
    contextOptions: { reducedMotion: "reduce" },
    screenshot: "only-on-failure",
  },
  projects: [
    { name: "with JavaScript", testMatch: ["journeys/**", "script/**"] },
    { name: "without JavaScript", testMatch: "journeys/**", use: { javaScriptEnabled: false } },
    { name: "on Docker", testMatch: "journeys/sample.spec.mjs", use: { backend: "docker" } },
    // As wide as they were designed; each page is looked at as narrow as a phone too.
    { name: "pages", testMatch: "pages/**", use: { viewport: { width: 1440, height: 900 } } },
  ],
});
