// Opens pages of a report in a browser: axe-core, what overflows, what Tab reaches, and pictures at two widths, light and
// dark, and on paper.
// node check.mjs BROWSER FOLDER PAGE…: prints one JSON object a page and width; PAGE is NAME=FILE.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [browser, folder, ...pages] = process.argv.slice(2);
const require = createRequire(path.join(folder, "node_modules", "none.js"));
const puppeteer = require("puppeteer-core");
const axe = require("axe-core");
const WIDTHS = { 1440: 900, 400: 800 };
const REACHED_BY_TAB = "a[href], button, input, select, summary, [tabindex='0']";

// Walks a page by Tab alone: what could be reached and was not, or was and cannot be seen to be.
async function walked(page) {
  await page.evaluate((which) => {
    document.activeElement?.blur();
    window.left = new Set([...document.querySelectorAll(which)].filter((one) => one.checkVisibility() && !one.disabled));
  }, REACHED_BY_TAB);
  const lost = [];
  for (let left = await page.evaluate(() => window.left.size + 1); left > 0; left -= 1) {
    await page.keyboard.press("Tab");
    const unseen = await page.evaluate(() => {
      const one = document.activeElement;
      if (!window.left.delete(one)) return null;
      const box = one.getBoundingClientRect();
      const inside = box.bottom > 0 && box.top < window.innerHeight && box.width > 0;
      const marked = getComputedStyle(one).outlineStyle !== "none" || getComputedStyle(one).boxShadow !== "none";
      return inside && marked ? null : one.outerHTML.slice(0, 120);
    });
    if (unseen) lost.push(unseen);
  }
  const missed = await page.evaluate(() => [...window.left].map((one) => one.outerHTML.slice(0, 120)));
  return [...lost.map((one) => `not seen: ${one}`), ...missed.map((one) => `not reached: ${one}`)];
}

const opened = await puppeteer.launch({ executablePath: browser, args: ["--no-sandbox", "--disable-gpu"] });
for (const given of pages) {
  const [name, file] = [given.slice(0, given.indexOf("=")), given.slice(given.indexOf("=") + 1)];
  for (const [width, height] of Object.entries(WIDTHS)) {
    const page = await opened.newPage();
    const asked = [];
    page.on("request", (request) => { if (/^https?:/.test(request.url())) asked.push(request.url()); });
    await page.setBypassCSP(true); // axe is put into the page; the page's own policy lets nothing in
    await page.setViewport({ width: Number(width), height });
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      await page.goto(pathToFileURL(path.resolve(file)).href, { waitUntil: "load" });
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${scheme}.png`) });
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${scheme}-whole.png`), fullPage: true });
      const keyboard = await walked(page);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
      await page.evaluate(axe.source);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      const broken = await page.evaluate(() => [...document.images].filter((one) => !one.naturalWidth).length);
      const violations = found.violations.map((one) => ({
        id: one.id, impact: one.impact, nodes: one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
      }));
      console.log(JSON.stringify({ name, width: Number(width), scheme, violations, overflow, broken, asked, keyboard }));
    }
    if (width === "1440") await page.pdf({ path: path.join(folder, `${name}.pdf`), format: "A4" });
    await page.close();
  }
}
await opened.close();
