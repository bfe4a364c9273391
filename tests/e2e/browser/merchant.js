// A merchant's pages in a real browser; prints one JSON object: what each step came to, and what was wrong with the pages.
// usage: node merchant.js GATEWAY NUMBER PASSWORD ORDER (the id of a captured order)
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");
const { launch } = require("./browser.js");

const [gateway, number, password, oid] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const sizes = { phone: { width: 360, height: 740 }, tablet: { width: 820, height: 1100 }, desk: { width: 1366, height: 900 } };
const found = { steps: {}, wrong: [] };

async function check(page, where) {
  await page.evaluate(axe + ";0");
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const v of violations) found.wrong.push(`${where}: ${v.id} at ${v.nodes.map((n) => n.target).join(" ")}`);
  const without = await page.evaluate(() =>
    [...document.querySelectorAll("input:not([type=hidden])")].filter((i) => !i.labels.length).map((i) => i.name));
  for (const name of without) found.wrong.push(`${where}: ${name} has no label`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) found.wrong.push(`${where}: ${over} pixels too wide`);
}

async function fresh(browser, size) {
  const page = await (await browser.newContext({ viewport: size })).newPage();
  page.on("console", (m) => /Security|Refused|Error:/.test(m.text()) && found.wrong.push(m.text()));
  page.on("pageerror", (e) => found.wrong.push(String(e)));
  return page;
}

(async () => {
  const browser = await launch(chromium);
  for (const [name, size] of Object.entries(sizes)) {
    for (const language of ["fr", "ar", "en"]) {
      const page = await fresh(browser, size), where = `${name} ${language}`;
      await page.goto(`${gateway}/merchant/login?lang=${language}`);
      await check(page, `login ${where}`);
      await page.fill("#number", number);
      await page.fill("#password", password);
      await page.click("button.pay");
      await page.waitForSelector(".list");
      await check(page, `orders ${where}`);
      await page.click(".list a");
      await page.waitForSelector(".facts");
      await check(page, `order ${where}`);
      await page.goto(`${gateway}/merchant/refused?lang=${language}`);
      await check(page, `refused ${where}`);
      await page.context().close();
    }
  }
  for (const language of ["fr", "ar", "en"]) {
    const page = await fresh(browser, sizes.phone);
    await page.goto(`${gateway}/secured-sites?lang=${language}`);
    await check(page, `secured sites ${language}`);
    await page.context().close();
  }
  // by keyboard alone: log in, find the order, give a part of it back
  const page = await fresh(browser, sizes.desk);
  await page.goto(`${gateway}/merchant/login?lang=en`);
  const tab = async (selector) => {
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    }
    throw new Error(`no key leads to ${selector}`);
  };
  await tab("#number");
  await page.keyboard.type(number);
  await tab("#password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#q");
  await tab("#q");
  await page.keyboard.type(oid);
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=/);
  await tab(".list a");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#refund-sum");
  await tab("#refund-sum");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("10.00");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".notice");
  found.steps.refund = await page.textContent(".notice");
  await page.goBack(); // the page is fetched anew, and says what stands now
  await page.waitForSelector("#refund-sum");
  found.steps.after_back = await page.inputValue("#refund-sum");
  await page.fill("#refund-sum", "5.00");
  await page.dblclick("button.refund");
  await page.waitForSelector(".notice");
  found.steps.twice = (await page.textContent(".facts")).includes("MAD\u00a015.00") ? "once" : await page.textContent(".facts");
  await page.click(".menu button");
  await page.waitForSelector("#password");
  await page.goto(`${gateway}/merchant/orders`);
  found.steps.logged_out = (await page.locator("#password").count()) === 1 ? "asked again" : "let in";
  await browser.close();
  console.log(JSON.stringify(found));
})().catch((error) => { console.error(error); process.exit(1); });
