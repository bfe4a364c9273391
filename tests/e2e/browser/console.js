// Looks at each screen of a console with a real browser, and prints one JSON object: what was done, and what was wrong with the pages.
// usage: node console.js LOGIN RRN PATH... (the address that logs in, a payment to find, addresses of screens)
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");
const { launch, check, sizes } = require("./browser.js");

const [login, rrn, ...paths] = process.argv.slice(2);
const top = new URL(login).origin;
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const found = { wrong: [], flows: {} };
const LOOKS = [["phone", "light"], ["tablet", "light"], ["desk", "light"], ["desk", "dark"]];

async function page(browser, size, colorScheme = "light", more = {}) {
  const made = await (await browser.newContext({ viewport: sizes[size], colorScheme, ...more })).newPage();
  made.on("console", (m) => /Security|Refused|Error:/.test(m.text()) && found.wrong.push(`${size}: ${m.text()}`));
  made.on("pageerror", (e) => found.wrong.push(`${size}: ${e}`));
  await made.goto(login);
  return made;
}

const flows = {
  async screens(browser) {
    for (const [size, scheme] of LOOKS) {
      const at = await page(browser, size, scheme);
      const some = size === "tablet" ? paths.slice(0, 2) : paths;
      for (const path of some) {
        await at.goto(top + path);
        await check(at, `${size} ${scheme} ${path}`, found.wrong, axe);
      }
      await at.context().close();
    }
    return "looked at";
  },
  async keyboard(browser) {
    const at = await page(browser, "desk");
    await at.keyboard.press("/");
    await at.keyboard.type(rrn);
    await at.keyboard.press("Enter");
    await at.waitForURL("**/payments/*");
    return (await at.locator(".fall .arrow").count()) >= 2 ? "found" : "no hops";
  },
  async live(browser) {
    const at = await page(browser, "desk");
    const said = () => at.locator("#charts svg").first().getAttribute("aria-label");
    const before = await at.locator("#charts").innerHTML();
    await at.waitForFunction((old) => document.getElementById("charts").innerHTML !== old, before, { timeout: 10000 });
    await at.locator(".plot").first().hover();
    await at.waitForSelector(".tip");
    return (await said()).startsWith("Payments a second") ? "pushed" : await said();
  },
  async menu(browser) {
    const at = await page(browser, "phone");
    const link = at.getByRole("link", { name: "Links", exact: true });
    if (await link.isVisible()) return "open at first";
    await at.click(".menu");
    await link.click();
    await at.waitForURL("**/links");
    return "opened";
  },
  async without_script(browser) {
    const at = await page(browser, "phone", "light", { javaScriptEnabled: false });
    await at.getByRole("link", { name: "Links", exact: true }).click();
    await at.waitForURL("**/links");
    return (await at.locator("h1").textContent()) || "";
  },
  async out(browser) {
    const at = await page(browser, "desk");
    await at.click(".who summary");
    await at.click(".who button");
    await at.waitForURL("**/login");
    await check(at, "login", found.wrong, axe);
    await at.goto(`${top}/links`);
    return new URL(at.url()).pathname;
  },
};

(async () => {
  const browser = await launch(chromium);
  for (const [name, flow] of Object.entries(flows)) {
    found.flows[name] = await flow(browser).catch((error) => `failed: ${error.message.split("\n")[0]}`);
  }
  await browser.close();
  console.log(JSON.stringify(found));
})();
