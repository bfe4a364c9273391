// The payment page: the number in groups, the scheme as it is typed, one payment a click, back to the shop by itself.
// Everything works without it.
"use strict";

// Arabic digits (U+0660, U+06F0) are as good as others.
const latin = (text) => text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));
const digits = (text) => latin(text).replace(/\D/g, "");

function schemeOf(number, prefixes) {
  for (const entry of prefixes.split(" ")) {
    const [scheme, low, high] = entry.split(":");
    const head = number.slice(0, low.length);
    if (head.length >= 1 && head >= low.slice(0, head.length) && head <= high.slice(0, head.length)) return scheme;
  }
  return "";
}

const pan = document.getElementById("pan");
if (pan) {
  const marks = document.querySelector(".marks");
  const show = () => {
    const number = digits(pan.value).slice(0, 19);
    const end = digits(pan.value.slice(0, pan.selectionStart)).length;
    pan.value = number.replace(/(.{4})(?=.)/g, "$1 ");
    const at = end + Math.floor(Math.max(0, end - 1) / 4);
    if (document.activeElement === pan) pan.setSelectionRange(at, at);
    const scheme = number ? schemeOf(number, marks.dataset.prefixes) : "";
    for (const mark of marks.children) mark.classList.toggle("off", scheme !== "" && mark.dataset.scheme !== scheme);
  };
  pan.addEventListener("input", show);
  const expiry = document.getElementById("expiry");
  expiry.addEventListener("input", () => {
    const typed = digits(expiry.value).slice(0, 4);
    expiry.value = typed.length > 2 ? `${typed.slice(0, 2)}/${typed.slice(2)}` : typed;
  });
}

// Test cards, where the page offers them: a click types one.
const offered = document.querySelector(".tests");
if (offered) {
  offered.hidden = false;
  offered.addEventListener("click", (event) => {
    const card = event.target.closest("button.fill");
    if (!card) return;
    for (const name of ["pan", "expiry", "cvv2"]) {
      const box = document.getElementById(name);
      box.value = card.dataset[name];
      box.dispatchEvent(new Event("input"));
    }
    document.querySelector("button.pay").focus();
  });
}

const code = document.getElementById("cvv2");
if (code) code.addEventListener("input", () => { code.value = digits(code.value).slice(0, 3); });

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    form.classList.add("sent");
  });
}

const back = document.querySelector("form.back");
if (back && Number(back.dataset.after) > 0) {
  setTimeout(() => back.requestSubmit(), Number(back.dataset.after) * 1000);
}

// A page that the browser kept and shows again on "back" may be out of date: ask for it anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
