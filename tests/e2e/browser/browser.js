// A headless Chromium of the system's that calls nobody but who it is told to.
"use strict";
exports.launch = (chromium, ...more) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more],
  });
// What is wrong with a page, as lines of `wrong`: by axe, fields without a label, what is wider than the window.
exports.check = async (page, where, wrong, axe) => {
  await page.evaluate(axe + ";0");
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const v of violations) wrong.push(`${where}: ${v.id} at ${v.nodes.map((n) => n.target).join(" ")}`);
  const without = await page.evaluate(() =>
    [...document.querySelectorAll("input:not([type=hidden])")].filter((i) => !i.labels.length).map((i) => i.name));
  for (const name of without) wrong.push(`${where}: ${name} has no label`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) wrong.push(`${where}: ${over} pixels too wide`);
};
exports.sizes = { phone: { width: 360, height: 740 }, tablet: { width: 820, height: 1100 }, desk: { width: 1366, height: 900 } };
