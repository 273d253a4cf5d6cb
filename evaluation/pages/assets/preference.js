"use strict";

const { study, trials } = JSON.parse(document.getElementById("study").textContent);
const part = (id) => document.getElementById(id);
const place = `preference-${study}`, left = part("left"), right = part("right");
let state = null, current = 0, started = 0, played = 0, kept = true;

function load() {
  try {
    const found = JSON.parse(localStorage.getItem(place));
    if (found && typeof found.rater === "string" && typeof found.answers === "object") return found;
  } catch { /* nothing is kept, or the browser keeps nothing */ }
  const numbers = crypto.getRandomValues(new Uint8Array(12));
  return { rater: [...numbers].map((n) => n.toString(16).padStart(2, "0")).join(""), answers: {} };
}

function keep() {
  try {
    localStorage.setItem(place, JSON.stringify(state));
    kept = true;
  } catch {
    kept = false;
  }
}

function firstOpen() {
  const open = trials.findIndex((_, number) => !(number in state.answers));
  return open < 0 ? trials.length : open;
}

function draw() {
  const done = current >= trials.length, count = Object.keys(state.answers).length;
  part("ask").hidden = done;
  part("done").hidden = !done;
  part("back").disabled = current === 0;
  part("save").disabled = count === 0;
  part("bar").max = trials.length;
  part("bar").value = count;
  left.pause();
  right.pause();
  if (done) return;
  const warning = kept ? "" : ", this browser keeps nothing: save before you leave";
  part("status").textContent = `${current + 1} of ${trials.length}${warning}`;
  [left.src, right.src] = trials[current];
  played = 0;
  started = performance.now();
  document.querySelectorAll("[data-choice]").forEach((button) => {
    button.setAttribute("aria-pressed", String(state.answers[current]?.choice === button.dataset.choice));
  });
}

function start() {
  state = load();
  current = firstOpen();
  draw();
}

function answer(choice) {
  if (!state || current >= trials.length) return;
  const seconds = Math.round(performance.now() - started) / 1000;
  state.answers[current] = { choice, seconds };
  keep();
  current += 1;
  draw();
}

function back() {
  if (!state || current === 0) return;
  current -= 1;
  draw();
}

function playBoth() {
  right.pause();
  left.currentTime = right.currentTime = 0;
  played = current + 1;
  left.play();
}

function save() {
  const answers = Object.entries(state.answers).map(([trial, given]) => ({ trial: Number(trial), ...given }));
  const content = { schema_version: 1, study, rater: state.rater, answers, saved: new Date().toISOString() };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  link.download = `answers-${state.rater.slice(0, 8)}.json`;
  link.click();
  return content;
}

left.addEventListener("ended", () => { if (played === current + 1) right.play(); });
document.querySelectorAll("[data-choice]").forEach((button) => {
  button.addEventListener("click", () => answer(button.dataset.choice));
});
part("back").addEventListener("click", back);
part("save").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const choice = { 1: "left", 2: "tie", 3: "right" }[event.key];
  if (choice) answer(choice);
  else if (event.key.toLowerCase() === "b") back();
  else if (event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "VIDEO") {
    event.preventDefault();
    playBoth();
  }
});
// A page from disk whose storage is read before its first frame gets one that Chromium forgets.
requestAnimationFrame(() => requestAnimationFrame(start));
