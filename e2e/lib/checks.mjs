import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { expect, test } from "@playwright/test";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The rules whose answer hangs on colours: what is left to ask of a page that only changed its look. */
const COLOURS = ["color-contrast", "link-in-text-block"];

/**
 * axe finds nothing on the page as it stands, or in one part of it. Evaluated, not added as a script: the page's own
 * policy stays on. axe waits on timers, which a page without JavaScript never fires: there the same page is left to the
 * run with JavaScript.
 */
export async function expectAccessible(page, part = page.locator("html")) {
  await expectNoViolations(page, part, { type: "tag", values: TAGS });
}

async function expectNoViolations(page, part, runOnly) {
  if (test.info().project.use.javaScriptEnabled === false) return;
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(AXE);
    // A part that is skipped while it is off the screen may have no styles yet, and axe would judge the browser's own.
    await page.evaluate(() => {
      const shown = new CSSStyleSheet();
      shown.replaceSync("* { content-visibility: visible !important }");
      document.adoptedStyleSheets.push(shown);
    });
  }
  // What passed is counted, not described: that takes a quarter of the time.
  const options = { runOnly, resultTypes: ["violations"] };
  const { violations } = await part.evaluate((node, options) => window.axe.run(node, options), options);
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}\n  ${node.target.join(" ")}\n  ${node.failureSummary}`),
  );
  expect(told, "what axe found").toEqual([]);
}

/**
 * The page in the look it was opened in is asked everything; in each other look, what colours decide. A look is two
 * attributes of the document, so the page need not be loaded again: the server sends the same document in all of them.
 */
export async function expectAccessibleInEachLook(page, looks) {
  await expectAccessible(page);
  const root = page.locator("html");
  const wear = ([theme, contrast]) =>
    root.evaluate((node, look) => Object.assign(node.dataset, look), { theme, contrast });
  const before = [await root.getAttribute("data-theme"), await root.getAttribute("data-contrast")];
  for (const look of looks) {
    await test.step(look.join(", contrast "), async () => {
      await wear(look);
      await expectNoViolations(page, root, { type: "rule", values: COLOURS });
    });
  }
  await wear(before);
}

/** At 320 px, which is 1280 px at 400 % zoom, nothing makes the page scroll sideways (WCAG 2.2, 1.4.10). */
export async function expectReflow(page) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  await expectNoSidewaysScrolling(page);
  await page.setViewportSize(before);
}

/** Nothing of the page stands out of the window as wide as it is. */
export async function expectNoSidewaysScrolling(page) {
  const { width } = page.viewportSize();
  const wide = await page.evaluate((width) => {
    const { scrollWidth } = document.scrollingElement;
    const name = (node) => `${node.localName}${node.id && `#${node.id}`}.${[...node.classList].join(".")}`;
    const out = [...document.body.querySelectorAll("*")].filter((node) => node.getBoundingClientRect().right > width + 1);
    return { scrollWidth, out: scrollWidth > width ? out.slice(0, 12).map(name) : [] };
  }, width);
  expect(wide, "the width of the page, and what is too wide").toEqual({ scrollWidth: width, out: [] });
}

/** The first stop of the Tab key leads to the content, and can be seen there. */
export async function expectSkipLink(page) {
  // A page with one field puts the focus there; the first Tab from the top of the document is what is asked about.
  await page.evaluate(() => {
    document.activeElement?.blur();
    document.body.tabIndex = -1;
    document.body.focus();
  });
  await page.keyboard.press("Tab");
  const link = page.getByRole("link", { name: "Skip to content" });
  await expect(link).toBeFocused();
  await expect(link).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
}

/** Each of the next stops of the Tab key shows that it has the focus, and is not hidden under something fixed. */
export async function expectVisibleFocus(page, stops = 12) {
  for (let stop = 0; stop < stops; stop += 1) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return undefined;
      // A field inside its label may hand the ring on to the label, and the link of a card to the card.
      const shown = [node, node.closest("label"), node.closest(".card"), node.parentElement].filter(Boolean);
      const ring = shown.some((one) => {
        const style = getComputedStyle(one);
        const outlined = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1;
        return outlined || style.boxShadow !== "none";
      });
      const box = node.getBoundingClientRect();
      const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      const free = !top || node.contains(top) || top.contains(node) || shown.some((one) => one.contains(top));
      return { ring, free, node: node.outerHTML.slice(0, 160) };
    });
    if (!seen) return;
    expect(seen, "focus at a stop of the Tab key").toEqual({ ...seen, ring: true, free: true });
  }
}
