// The script that keeps a page up to date, against a server of this file's own that sends what a test tells it to.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { expect, test as base } from "@playwright/test";

const SCRIPT = readFileSync(new URL("../../../frontend/js/live.js", import.meta.url), "utf8");

const entry = (seq) => `<li class="entry" id="e-${seq}">Entry ${seq}</li>`;
const PAGE = `<!doctype html><html lang="en"><title>Live</title><body>
<main data-live="/events" data-after="1" data-now="${new Date().toISOString()}">
<span id="live" data-state="still"><span data-live-word>As of 14:32</span></span>
<p id="state">Running</p>
<nav><a data-filter="" aria-current="true" href="/page">All</a><a data-filter="tools" href="/page?show=tools">Tools</a></nav>
<ol id="stream">${entry(1)}</ol>
<form id="ask"><label>Reason <textarea></textarea></label></form>
<div id="follow" style="position: fixed; bottom: 0" hidden><button type="button" data-follow><span>New</span></button></div>
<time data-since="${new Date(Date.now() - 61_000).toISOString()}">1:01</time>
<p id="live-said" role="status"></p>
</main><script type="module" src="/live.js"></script></body></html>`;

/** A server with one page and its stream. `asked` lists how each connection began. */
class Stream {
  asked = [];
  #open = new Set();
  #server = createServer((request, response) => this.#answer(request, response));

  async start() {
    await new Promise((done) => this.#server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    if (pathname === "/live.js") return response.writeHead(200, { "content-type": "text/javascript" }).end(SCRIPT);
    if (pathname !== "/events") return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    this.asked.push(request.headers["last-event-id"] ?? searchParams.get("after"));
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }).write("retry: 50\n\n");
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
  }

  send(seq, name, data) {
    const text = `id: ${seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#open.forEach((response) => response.write(text));
  }

  add(seq) {
    this.send(seq, "entry", { target: "stream", place: "append", html: entry(seq) });
  }

  /** Cuts every connection, as a restart of the server does. */
  cut() {
    this.#open.forEach((response) => response.end());
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

const test = base.extend({
  stream: async ({ page }, use) => {
    const stream = new Stream();
    await stream.start();
    await page.goto(`${stream.url}/page`);
    await expect(page.locator("#live")).toHaveText("Live");
    await use(stream);
    await stream.stop();
  },
});

test("what happens is added once and in order, from where the page stands", async ({ page, stream }) => {
  stream.add(2);
  stream.add(3);
  await expect(page.locator("#stream > li")).toHaveCount(3);
  stream.cut();
  await expect.poll(() => stream.asked).toEqual(["1", "3"]);
  stream.add(3);
  stream.add(4);
  await expect(page.locator("#stream > li")).toHaveText(["Entry 1", "Entry 2", "Entry 3", "Entry 4"]);
});

test("a part is replaced where it stands", async ({ page, stream }) => {
  stream.send(2, "state", { target: "state", place: "replace", html: '<p id="state">Done</p>', say: "The run is done" });
  await expect(page.locator("#state")).toHaveText("Done");
  await expect(page.locator("#live-said")).toHaveText("The run is done");
});

test("what is being typed stays", async ({ page, stream }) => {
  await page.getByLabel("Reason").fill("half a reason");
  const html = '<form id="ask"><p>Closed</p></form>';
  stream.send(2, "patch", [
    { target: "ask", place: "replace", html },
    { target: "state", place: "replace", html: '<p id="state">Done</p>' },
  ]);
  await expect(page.locator("#state")).toHaveText("Done");
  await expect(page.getByLabel("Reason")).toHaveValue("half a reason");
  await page.getByLabel("Reason").fill("");
  stream.send(3, "patch", { target: "ask", place: "replace", html });
  await expect(page.locator("#ask")).toHaveText("Closed");
});

test("the focus stays on a button that is drawn again", async ({ page, stream }) => {
  const html = (word) => `<form id="ask"><button type="button">Stop</button><p>${word}</p></form>`;
  stream.send(2, "patch", { target: "ask", place: "replace", html: html("1 file") });
  await page.getByRole("button", { name: "Stop" }).focus();
  stream.send(3, "patch", { target: "ask", place: "replace", html: html("2 files") });
  await expect(page.locator("#ask")).toContainText("2 files");
  await expect(page.getByRole("button", { name: "Stop" })).toBeFocused();
});

test("the page says whether it follows, and clocks tick", async ({ page, stream }) => {
  await expect(page.locator("time")).not.toHaveText("1:01");
  await page.context().setOffline(true);
  await expect(page.locator("#live")).toHaveText("Offline");
  await page.context().setOffline(false);
  await expect(page.locator("#live")).toHaveText("Live");
  stream.send(2, "end", {});
  await expect(page.locator("#live")).toHaveText("Up to date");
});

test("who reads elsewhere is told how much is new, and taken there", async ({ page, stream }) => {
  await page.setViewportSize({ width: 800, height: 300 });
  for (let seq = 2; seq < 60; seq += 1) stream.add(seq);
  await expect(page.locator("#e-59")).toBeInViewport();
  await page.evaluate(() => scrollTo(0, 0));
  await expect(page.locator("#e-59")).not.toBeInViewport();
  stream.add(60);
  stream.add(61);
  await page.getByRole("button", { name: "2 new" }).click();
  await expect(page.locator("#follow")).toBeHidden();
  await expect(page.locator("#e-61")).toBeInViewport();
});

test("what was missed for good loads the page again", async ({ page, stream }) => {
  const loaded = page.waitForEvent("load");
  stream.send(2, "resync", {});
  await loaded;
  await expect.poll(() => stream.asked.length).toBe(2);
});

test("a filter is set in place and stays in the address", async ({ page, stream }) => {
  expect(stream.asked).toEqual(["1"]);
  await page.getByRole("link", { name: "Tools" }).click();
  await expect(page.locator("#stream")).toHaveAttribute("data-show", "tools");
  await expect(page).toHaveURL(/show=tools/);
  await page.getByRole("link", { name: "All" }).click();
  await expect(page.locator("#stream")).not.toHaveAttribute("data-show");
});
