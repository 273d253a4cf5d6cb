"use strict";

function sortBy(head) {
  const table = head.closest("table"), body = table.querySelector("tbody.systems"), column = head.cellIndex;
  if (!body) return;
  const now = head.getAttribute("aria-sort");
  const next = now === "ascending" ? "descending" : now === "descending" ? "ascending" : head.dataset.first;
  table.querySelectorAll("thead th").forEach((th) => th.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", next);
  const sign = next === "ascending" ? 1 : -1;
  const value = (row) => row.cells[column].dataset.value;
  [...body.rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (column ? x - y : x.localeCompare(y));
  }).forEach((row) => body.append(row));
  say(`sorted by ${head.querySelector("button").firstChild.textContent.trim()}, ${next}`);
}

function say(text) {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
}

function search(text) {
  const wanted = text.trim().toLowerCase(), named = document.querySelectorAll("[data-name]");
  named.forEach((item) => { item.hidden = !item.dataset.name.toLowerCase().includes(wanted); });
  const again = (row) => row.closest("details.columns") !== null;  // the same systems, other columns
  const rows = [...document.querySelectorAll("tr[data-name]")].filter((row) => !again(row)), left = rows.filter((row) => !row.hidden).length;
  say(wanted ? `${left} of ${rows.length} rows match “${text.trim()}”` : "");
}

function choose(select) {
  select.closest("details").querySelectorAll("[data-metric]").forEach((part) => {
    part.hidden = part.dataset.metric !== select.value;
  });
}

function playRow(button) {
  const videos = [...button.closest("tr").querySelectorAll("video")];
  const playing = videos.some((video) => !video.paused);
  document.querySelectorAll("table.clips video").forEach((video) => video.pause());
  if (playing) return;
  videos.forEach((video, index) => { video.currentTime = 0; video.muted = index > 0; video.play(); });
}

document.querySelectorAll("thead th[data-first] button").forEach((button) => {
  button.addEventListener("click", () => sortBy(button.closest("th")));
});
document.querySelectorAll("#search").forEach((input) => {
  input.addEventListener("input", () => search(input.value));
});
document.querySelectorAll("select.metric").forEach((select) => {
  select.addEventListener("change", () => choose(select));
  choose(select);
});
document.querySelectorAll("button.play").forEach((button) => {
  button.addEventListener("click", () => playRow(button));
});
document.querySelectorAll(".needs-script").forEach((part) => { part.hidden = false; });
