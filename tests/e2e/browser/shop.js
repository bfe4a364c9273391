// Buys in the demo shop with a real browser, and prints one JSON object: what each flow came to, and what was wrong with the pages.
// usage: node shop.js SHOP GOOD POOR SLOW (cards: number, MM/YY and CVV2, commas between)
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");
const { launch, check: checked, sizes } = require("./browser.js");

const shop = process.argv[2];
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [GOOD, POOR, SLOW] = process.argv.slice(3).map((card) => card.split(","));
const found = { flows: {}, wrong: [], paint_ms: {} };

const check = (page, where) => checked(page, where, found.wrong, axe);

async function order(browser, language = "en", size = { width: 360, height: 740 }, session = "") {
  const page = await (await browser.newContext({ viewport: size })).newPage();
  page.on("console", (m) => /Security|Refused|Error:/.test(m.text()) && found.wrong.push(`${language}: ${m.text()}`));
  page.on("pageerror", (e) => found.wrong.push(`${language}: ${e}`));
  await page.goto(shop);
  await page.selectOption("[name=lang]", language);
  await page.evaluate((seconds) => {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "sessiontimeout", value: seconds });
    document.querySelector("form").append(field);
  }, session);
  await page.click("#buy");
  await page.click("#pay");
  await page.waitForSelector("#pan");
  return page;
}

async function type(page, [pan, expiry, cvv2]) {
  await page.locator("#pan").pressSequentially(pan);
  await page.locator("#expiry").pressSequentially(expiry.replace("/", ""));
  await page.locator("#cvv2").pressSequentially(cvv2);
}

const outcome = async (page) => (await page.waitForSelector("#outcome", { timeout: 45000 })).textContent();

const flows = {
  async pages(browser) {
    for (const [name, size] of Object.entries(sizes)) {
      for (const language of ["fr", "ar", "en"]) {
        const page = await order(browser, language, size);
        await check(page, `${name} ${language}`);
        found.paint_ms[`${name} ${language}`] = await page.evaluate(() => new Promise((resolve) =>
          new PerformanceObserver((seen) => resolve(Math.round(seen.getEntries()[0].startTime))).observe({ type: "paint", buffered: true })));
        if ((await page.getAttribute("html", "dir")) !== (language === "ar" ? "rtl" : "ltr")) found.wrong.push(`${language}: direction`);
        await page.context().close();
      }
    }
    return "looked at";
  },
  async approve(browser) {
    const page = await order(browser);
    await type(page, GOOD);
    if ((await page.inputValue("#pan")) !== GOOD[0].replace(/(.{4})(?=.)/g, "$1 ")) found.wrong.push("the number is not in groups");
    if ((await page.locator(".marks .off").count()) !== 2) found.wrong.push("the scheme is not recognised");
    let goOn;
    const looked = new Promise((resolve) => { goOn = resolve; });
    await page.route("**/paid", (route) => looked.then(() => route.continue())); // the page goes back to the shop by itself
    await page.click("button.pay");
    await page.waitForSelector(".state");
    await check(page, "approved");
    goOn();
    return outcome(page);
  },
  async keyboard(browser) {
    const page = await order(browser);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
    for (let n = 0; n < 12 && (await focused()) !== "pan"; n++) await page.keyboard.press("Tab");
    for (const text of GOOD) {
      await page.keyboard.type(text.replace("/", ""));
      await page.keyboard.press("Tab");
    }
    if ((await focused()) !== "pay") found.wrong.push(`the key after the code leads to ${await focused()}`);
    await page.keyboard.press("Enter");
    return outcome(page);
  },
  async decline(browser) {
    const page = await order(browser);
    await type(page, POOR);
    await page.click("button.pay");
    await page.waitForSelector(".notice");
    await check(page, "declined");
    await page.click(".cancel button");
    return outcome(page);
  },
  async cancel(browser) {
    const page = await order(browser);
    await page.click(".cancel button");
    return outcome(page);
  },
  async mistyped(browser) {
    const page = await order(browser);
    await type(page, ["4111111111111112", "13/20", "1"]);
    await page.click("button.pay");
    await page.waitForSelector("[aria-invalid]");
    await check(page, "mistyped");
    return String(await page.locator(".problem").count());
  },
  async twice(browser) {
    const page = await order(browser);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await Promise.all([type(page, GOOD), type(other, GOOD)]);
    await Promise.all([page.dblclick("button.pay"), other.click("button.pay")]);
    return [await outcome(page), await outcome(other)].join(", ");
  },
  async reload(browser) {
    const page = await order(browser);
    await type(page, SLOW);
    await page.click("button.pay", { noWaitAfter: true });
    await page.waitForTimeout(300);
    await page.goto(page.url()).catch(() => {}); // while the bank thinks
    let goOn;
    const looked = new Promise((resolve) => { goOn = resolve; });
    await page.route("**/paid", (route) => looked.then(() => route.continue()));
    await page.waitForSelector(".state.good", { timeout: 45000 });
    for (let n = 0; n < 2; n++) {
      await page.reload();
      if ((await page.locator("#pan").count()) || !(await page.locator(".state.good").count())) found.wrong.push("a reload shows a form");
    }
    goOn();
    return outcome(page);
  },
  async back(browser) {
    const page = await order(browser);
    const at = page.url();
    await type(page, GOOD);
    await page.click("button.pay");
    await outcome(page);
    await page.goto(at);
    const again = (await page.locator("#pan").count()) === 0 ? "no form" : "a form";
    await page.goto(shop);
    await page.goBack();
    await page.waitForLoadState();
    return `${again}, ${await page.locator("#pan").count()}`;
  },
  async without_script(browser) {
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await page.goto(shop);
    await page.click("#buy");
    await page.click("#pay");
    for (const [name, text] of [["pan", GOOD[0]], ["expiry", GOOD[1]], ["cvv2", GOOD[2]]]) await page.fill(`#${name}`, text);
    await page.click("button.pay");
    await page.click("form.back button");
    return outcome(page);
  },
};

(async () => {
  const browser = await launch(chromium);
  const late = await order(browser, "en", sizes.phone, "30"); // its time runs out while the others are paid
  const began = Date.now();
  for (const [name, flow] of Object.entries(flows)) {
    found.flows[name] = await flow(browser).catch((error) => `failed: ${error.message.split("\n")[0]}`);
  }
  await late.waitForTimeout(Math.max(0, 31000 - (Date.now() - began)));
  await type(late, GOOD);
  await late.click("button.pay");
  await late.waitForSelector(".state.bad");
  const said = await late.textContent(".state");
  found.flows.time_out = `${/Time is up/.test(said) ? "Time is up" : said}, ${await outcome(late)}`;
  await browser.close();
  console.log(JSON.stringify(found));
})();
