// A headless Chromium of the system's that calls nobody but who it is told to.
"use strict";
exports.launch = (chromium, ...more) =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more],
  });
