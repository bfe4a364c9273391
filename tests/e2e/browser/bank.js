// Pays with cards whose bank is asked first, and prints one JSON object: what each flow came to, and what was wrong with the pages.
// usage: node bank.js SHOP PHONE ASKED PLAIN REJECTED OUTSIDE FOREIGN PICTURES (cards: number, MM/YY and CVV2, commas between)
"use strict";
const fs = require("fs");
const { chromium } = require("playwright-core");
const { launch } = require("./browser.js");

const [shop, phone, asked, plain, rejected, outside, foreign, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const found = { flows: {}, wrong: [] };

async function check(page, where) {
  await page.evaluate(axe + ";0");
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const v of violations) found.wrong.push(`${where}: ${v.id} at ${v.nodes.map((n) => n.target).join(" ")}`);
  const without = await page.evaluate(() =>
    [...document.querySelectorAll("input:not([type=hidden])")].filter((i) => !i.labels.length).map((i) => i.name));
  for (const name of without) found.wrong.push(`${where}: ${name} has no label`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) found.wrong.push(`${where}: ${over} pixels too wide`);
  if (pictures) await page.screenshot({ path: `${pictures}/${where.replace(/ /g, "-")}.png`, fullPage: true });
}

async function pay(browser, card, language = "en", size = { width: 360, height: 740 }, scripts = true, store = "", given = null) {
  const context = given ?? await browser.newContext({ viewport: size, locale: language, javaScriptEnabled: scripts });
  const page = await context.newPage();
  page.on("console", (m) => /Security|Refused|Error:/.test(m.text()) && found.wrong.push(`${language}: ${m.text()}`));
  page.on("pageerror", (e) => found.wrong.push(`${language}: ${e}`));
  await page.goto(shop + store);
  await page.selectOption("[name=lang]", language);
  await page.click("#buy");
  await page.click("#pay");
  const [pan, expiry, cvv2] = card.split(",");
  await page.fill("#pan", pan);
  await page.fill("#expiry", expiry);
  await page.fill("#cvv2", cvv2);
  await page.keyboard.press("Enter");
  return page;
}

async function code(browser) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(phone);
  const text = await page.locator("li").first().textContent();
  await page.context().close();
  return text.match(/: (\d{6}) confirms/)[1];
}

const outcome = async (page) => (await page.waitForSelector("#outcome", { timeout: 45000 })).textContent();
const declined = async (page) => (await page.waitForSelector("p.notice", { timeout: 45000 })).textContent();
const wrongCode = (right) => (right === "000000" ? "000001" : "000000");

const flows = {
  async pages(browser) {
    const phone = { width: 360, height: 740 }, desk = { width: 1366, height: 900 };
    for (const [name, size, languages] of [["phone", phone, ["fr", "ar", "en"]], ["desk", desk, ["ar"]]]) {
      for (const language of languages) {
        const page = await pay(browser, asked, language, size);
        await page.waitForSelector("#code");
        await check(page, `bank ${name} ${language}`);
        if ((await page.getAttribute("html", "lang")) !== language) found.wrong.push(`${language}: another language`);
        await page.context().close();
      }
    }
    return "looked at";
  },
  async right_code(browser) {
    const page = await pay(browser, asked);
    await page.waitForSelector("#code");
    await page.fill("#code", await code(browser));
    await page.click("button[value=confirm]");
    return outcome(page);
  },
  async wrong_code(browser) {
    const page = await pay(browser, asked);
    for (let n = 0; n < 3; n += 1) {
      await page.waitForSelector(n ? "#code[aria-invalid]" : "#code");
      if (n === 1) await check(page, "bank wrong code");
      await page.fill("#code", wrongCode(await code(browser)));
      await Promise.all([page.waitForNavigation(), page.click("button[value=confirm]")]);
    }
    const text = await declined(page);
    await check(page, "declined");
    return text.includes("declined") ? "declined" : text;
  },
  async keyboard(browser) {
    const page = await pay(browser, asked);
    await page.waitForSelector("#code:focus");
    await page.keyboard.type(await code(browser));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    return outcome(page);
  },
  async cancel(browser) {
    const page = await pay(browser, asked);
    await page.waitForSelector("#code");
    await page.click("button[value=cancel]");
    return (await declined(page)).includes("declined") ? "declined" : "?";
  },
  async another_language(browser) {
    const page = await pay(browser, asked);
    await page.waitForSelector("#code");
    await page.click("nav a[lang=ar]");
    await page.waitForSelector("html[dir=rtl] #code");
    await page.fill("#code", await code(browser));
    await page.keyboard.press("Enter");
    return outcome(page);
  },
  async test_card(browser) {
    const page = await (await browser.newContext({ viewport: { width: 360, height: 740 }, locale: "en" })).newPage();
    page.on("pageerror", (e) => found.wrong.push(`test card: ${e}`));
    await page.goto(shop);
    await page.selectOption("[name=lang]", "en");
    await page.click("#buy");
    await page.click("#pay");
    await page.click("button.fill.unenrolled");
    await check(page, "test cards");
    await page.keyboard.press("Enter");
    const said = await outcome(page);
    const proof = await page.locator("#proof").textContent();
    return `${said}; ${proof}`;
  },
  async frictionless(browser) {
    const page = await pay(browser, plain);
    // the bank looks at the browser in a frame, and the page goes on once that is done, not after its ten seconds
    await page.waitForRequest("**/3ds/method");
    await page.waitForRequest("**/authenticate", { timeout: 6000 });
    return outcome(page);
  },
  async looked_at(browser) {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
    await context.route("**/method", (route) => route.abort()); // the bank's page for the frame does not come
    const page = await pay(browser, plain, "fr", undefined, true, "", context);
    await page.waitForSelector("iframe.method", { state: "attached" });
    await check(page, "looked at");
    await context.route("**/challenge", (route) => route.abort()); // nor does its page for the code
    const other = await pay(browser, asked, "ar", undefined, true, "", context);
    await other.waitForSelector("form.onward");
    await check(other, "to the bank");
    return outcome(page);
  },
  async rejected(browser) {
    return (await declined(await pay(browser, rejected))).includes("declined") ? "declined" : "?";
  },
  async not_enrolled(browser) {
    return outcome(await pay(browser, outside));
  },
  async time_out(browser) {
    const page = await pay(browser, foreign, "en", { width: 360, height: 740 }, true, "/shop/airline");
    await page.waitForSelector("#code");
    await page.waitForTimeout(4000);
    await page.fill("#code", "123456");
    await page.click("button[value=confirm]");
    return (await declined(page)).includes("declined") ? "declined" : "?";
  },
  async without_script(browser) {
    const page = await pay(browser, asked, "en", { width: 360, height: 740 }, false);
    await page.click("form.onward button");
    await page.fill("#code", await code(browser));
    await page.click("button[value=confirm]");
    await page.click("form.onward button");
    await page.click("form.back button");
    return outcome(page);
  },
};

(async () => {
  const browser = await launch(chromium);
  try {
    for (const [name, flow] of Object.entries(flows)) found.flows[name] = await flow(browser);
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(found));
})().catch((error) => { console.error(error); process.exit(1); });
