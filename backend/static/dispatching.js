// The duty desk by keys, and its refreshing: cards are exchanged one by one, so that nothing that is being typed,
// chosen or read moves away. Without this file the page works by its buttons.

const list = document.querySelector("#cards");
const news = document.querySelector("#news"); // which asks for them
const cards = () => [...list.querySelectorAll(".duty")];
const current = () => list.querySelector(".duty_on");

// Keys

function choose(card) {
  current()?.classList.remove("duty_on");
  if (!card) return;
  card.classList.add("duty_on");
  card.classList.remove("duty_new");
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = cards();
  const at = all.indexOf(current());
  choose(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

// The next card is chosen before this one goes, for its place is then unknown.
function send(number) {
  const card = current();
  const button = card?.querySelector(`[data-key="${number}"]`);
  if (!button) return;
  const all = cards();
  const at = all.indexOf(card);
  choose(all[at + 1] ?? all[at - 1]);
  button.click();
}

function pick() {
  const box = current()?.querySelector("[name=picked]");
  box?.click();
}

const keys = document.querySelector("#keys");
const help = () => (keys.open ? keys.close() : keys.showModal());
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  Enter: () => send(1),
  1: () => send(1),
  2: () => send(2),
  3: () => send(3),
  x: pick,
  a: () => document.querySelector("[data-all]").click(),
  b: () => document.querySelector("#choose").click(),
  o: () => current()?.querySelector("[data-open]").click(),
  "?": help,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog") && event.key !== "?") return;
  if (event.target.closest("input, textarea, select") && event.key === "?") return;
  if (event.key === "Enter" && event.target.closest("a, button, summary, input")) return;
  if (!(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.querySelector("[data-keys]").addEventListener("click", help);
list.addEventListener("focusin", (event) => {
  const card = event.target.closest(".duty");
  if (card && card !== current() && event.target !== card) {
    current()?.classList.remove("duty_on");
    card.classList.add("duty_on");
  }
});

// Refreshing

const isBusy = (card) =>
  [...card.querySelectorAll("textarea, select")].some((field) => field.matches(":focus") || isTouched(field));
const isTouched = (field) =>
  field.tagName === "TEXTAREA"
    ? field.value.trim() !== ""
    : [...field.options].findIndex((one) => one.defaultSelected) !== field.selectedIndex && field.selectedIndex > 0;

function renew(old, fresh) {
  if (old.dataset.stamp === fresh.dataset.stamp) {
    old.querySelector("[data-due]").replaceWith(fresh.querySelector("[data-due]"));
    return old;
  }
  if (isBusy(old)) {
    old.classList.add("duty_moved");
    return old;
  }
  fresh.querySelector("[name=picked]").checked = old.querySelector("[name=picked]").checked;
  const isOn = old === current();
  old.replaceWith(fresh);
  htmx.process(fresh);
  if (isOn) choose(fresh);
  return fresh;
}

function leave(card) {
  if (isBusy(card)) card.classList.add("duty_moved");
  else {
    if (card === current()) step(1);
    card.remove();
  }
}

function merge(text) {
  const page = new DOMParser().parseFromString(text, "text/html").body;
  const fresh = [...page.querySelectorAll(".duty")];
  const known = new Map(cards().map((card) => [card.dataset.number, card]));
  const numbers = new Set(fresh.map((card) => card.dataset.number));
  cards().forEach((card) => "first" in card.dataset && !numbers.has(card.dataset.number) && leave(card));
  let last = null;
  for (const card of fresh) {
    const old = known.get(card.dataset.number);
    if (old) {
      last = renew(old, card);
      continue;
    }
    card.classList.add("duty_new");
    if (last) last.after(card);
    else list.prepend(card);
    htmx.process(card);
    last = card;
  }
  news.setAttribute("hx-vals", JSON.stringify({ seen: page.querySelector("[data-seen]").dataset.seen }));
  tidy();
}

// What cannot be sent with the others is said before the tap.
function countPlans() {
  const ticked = cards().filter((card) => card.querySelector("[name=picked]").checked);
  const bare = ticked.filter((card) => !card.querySelector("[name=plan]")).length;
  document.querySelector("#bare").textContent = bare ? `其中 ${bare} 件没有建议，不会派出，请逐件选单位` : "";
  document.querySelector("#send-all").disabled = ticked.length === bare;
}

// A card that came with a later page may stand in the first one meanwhile.
function tidy() {
  const seen = new Set();
  for (const card of cards()) {
    if (seen.has(card.dataset.number)) card.remove();
    seen.add(card.dataset.number);
  }
  document.querySelector("#nothing").hidden = cards().length > 0;
  document.querySelector("#bulk").hidden = cards().length === 0;
  countTicks(); // of picking.js
  countPlans();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr, successful } = event.detail;
  if (elt === news && xhr.status === 200) merge(xhr.responseText);
  if (elt.id === "send-all" && successful) htmx.trigger(news, "refresh");
});
document.addEventListener("htmx:afterSettle", tidy);
document.addEventListener("change", countPlans);
window.addEventListener("pageshow", countPlans);
