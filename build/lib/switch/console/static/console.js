// What a page does beyond HTML: pieces that are pushed to it, values at the pointer, keys. All of it works without, but for the pushing.
"use strict";
document.documentElement.classList.add("js");

// -- pieces of the page, as the server makes them
const live = document.querySelector("[data-stream]");
let held = null; // a chart under the pointer is not replaced
function put(id, html) {
  const place = document.getElementById(id);
  if (!place || (held && place.contains(held))) return;
  if (place.contains(document.activeElement) && document.activeElement !== document.body) return; // somebody reads there by keyboard
  const scrolled = [...place.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
  place.innerHTML = html;
  place.querySelectorAll(".wide").forEach((wide, n) => { wide.scrollLeft = scrolled[n] || 0; });
}
if (live) {
  const source = new EventSource(live.dataset.stream);
  source.onmessage = (event) => {
    if (document.hidden) return;
    for (const [id, html] of Object.entries(JSON.parse(event.data))) put(id, html);
  };
  source.addEventListener("over", () => { source.close(); location.assign("/login?next=" + encodeURIComponent(location.pathname)); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && source.readyState === 2) location.reload(); });
}

// -- values at the pointer
function read(chart) {
  if (!chart.read) chart.read = JSON.parse(chart.dataset.chart);
  return chart.read;
}
function point(chart, x) {
  const data = read(chart), plot = chart.querySelector(".plot"), svg = plot.querySelector("svg"), box = svg.getBoundingClientRect();
  const count = Math.max(...data.series.map((one) => one.values.length));
  const at = Math.max(0, Math.min(count - 1, Math.round(((x - box.left) / box.width) * (count - 1))));
  const time = new Date((data.begin + at * data.step) * 1000).toISOString().slice(11, 19);
  const said = data.series.map((one) => `${one.name} ${one.values[at] == null ? "–" : +one.values[at].toPrecision(4)}`);
  let tip = plot.querySelector(".tip");
  if (!tip) plot.append((tip = Object.assign(document.createElement("div"), { className: "tip" })));
  tip.textContent = `${time} UTC · ${said.join(" · ")}`;
  const middle = (at / Math.max(1, count - 1)) * box.width + box.left - plot.getBoundingClientRect().left;
  const wide = plot.getBoundingClientRect().width;
  tip.style.setProperty("left", `${Math.max(0, Math.min(wide - tip.offsetWidth, middle - tip.offsetWidth / 2))}px`);
  let cross = svg.querySelector(".cross");
  if (!cross) {
    cross = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cross.setAttribute("class", "cross");
    svg.append(cross);
  }
  const across = (1000 * at) / Math.max(1, count - 1);
  cross.setAttribute("d", `M${across},0 V200`);
}
function leave(chart) {
  chart.querySelectorAll(".tip, .cross").forEach((one) => one.remove());
  held = null;
}
document.addEventListener("pointermove", (event) => {
  const plot = event.target.closest && event.target.closest(".chart .plot");
  const chart = plot && plot.closest(".chart");
  if (held && held !== chart) leave(held);
  if (chart) { held = chart; point(chart, event.clientX); }
});

// -- keys, and the menu of small screens
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); const q = document.getElementById("q"); q.focus(); q.select(); }
  if (event.key === "Escape") {
    document.querySelectorAll("details.who[open]").forEach((one) => { one.open = false; });
    if (document.activeElement.id === "q") document.getElementById("main").focus();
  }
});
const menu = document.querySelector(".menu"), nav = document.getElementById("nav");
if (menu && nav) {
  menu.hidden = false;
  menu.addEventListener("click", () => menu.setAttribute("aria-expanded", String(nav.classList.toggle("open"))));
}
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.who[open]").forEach((one) => { if (!one.contains(event.target)) one.open = false; });
});
// a form that changes something is sent once
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
