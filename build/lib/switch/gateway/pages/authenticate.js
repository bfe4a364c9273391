// 3-D Secure: what the card's bank wants to know of the browser, and pages that go on by themselves.
// Everything works without it: then the bank is told that there are no scripts, and each page has a button.
"use strict";

const depths = [48, 32, 24, 16, 15, 8, 4, 1];
const finds = {
  browserColorDepth: () => depths.find((depth) => depth <= screen.colorDepth),
  browserScreenHeight: () => screen.height,
  browserScreenWidth: () => screen.width,
  browserTZ: () => new Date().getTimezoneOffset(),
  browserJavaEnabled: () => false,
};
for (const input of document.querySelectorAll("input[data-finds]")) input.value = String(finds[input.name]());

const onward = document.querySelector("form.onward");
const method = document.querySelector("form.method");
if (method) {
  window.addEventListener("message", (event) => {
    if (event.origin === window.location.origin && event.data === "3ds-method-done") onward.requestSubmit();
  });
  setTimeout(() => { if (!onward.dataset.sent) onward.requestSubmit(); }, 10000);
  method.submit();
} else if (onward) {
  onward.requestSubmit();
}
if (window.parent !== window && document.querySelector("[data-method-done]")) {
  window.parent.postMessage("3ds-method-done", window.location.origin);
}
