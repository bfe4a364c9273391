// A merchant's own client, unmodified, sends a browser to its hard-coded test host, and checks what comes back.
// usage: node client.js PORT SHOP KEY CARD (the gateway's port, an address of the shop's, the store key; number, MM/YY and CVV2)
"use strict";
const { chromium } = require("playwright-core");
const CmiClient = require("cmi-payment-nodejs").default;
const { launch } = require("./browser.js");

const [port, shop, storekey, card] = process.argv.slice(2);
const [pan, expiry, cvv2] = card.split(",");
const options = {
  storekey, clientid: "600000001", oid: `NPM${Date.now()}`, amount: "31.50", shopurl: shop, okUrl: `${shop}/ok`,
  failUrl: `${shop}/no`, callbackURL: `${shop}/cb`, email: "buyer@example.com", BillToName: "Amina", lang: "fr",
};

(async () => {
  const html = new CmiClient(options).redirect_post();
  const browser = await launch(chromium, `--host-resolver-rules=MAP testpayment.cmi.co.ma:443 127.0.0.1:${port}`);
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  const posted = new Promise((resolve) => {
    page.on("request", (request) => request.method() === "POST" && request.url() === `${shop}/ok` && resolve(request.postData()));
  });
  await page.setContent(html, { waitUntil: "commit" });
  await page.waitForSelector("#pan", { timeout: 20000 });
  for (const [name, text] of Object.entries({ pan, expiry, cvv2 })) await page.fill(`#${name}`, text);
  await page.click("button.pay");
  const fields = Object.fromEntries(new URLSearchParams(await posted));
  const { HASH, ...rest } = fields;
  const right = new CmiClient({ ...rest, storekey }).checkHash(HASH);
  console.log(JSON.stringify({ oid: options.oid, code: fields.ProcReturnCode, right, url: page.url() }));
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
