// Niceties only: every page works without this file.

// The menu stands open; on a narrow screen it would push the page away. There its groups are headings of one list;
// on a wide one they open one at a time, and close on Escape and on a tap elsewhere.
const isNarrow = matchMedia("(max-width: 991px)").matches;
const menuGroups = [...document.querySelectorAll(".nav-group")];
const closeGroups = (but) => menuGroups.forEach((group) => group !== but && group.removeAttribute("open"));
if (isNarrow) {
  document.querySelector(".nav-fold")?.removeAttribute("open");
  menuGroups.forEach((group) => group.setAttribute("open", ""));
} else {
  document.addEventListener("click", (event) => closeGroups(event.target.closest(".nav-group")));
  document.addEventListener("focusin", (event) => closeGroups(event.target.closest(".nav-group")));
  document.addEventListener("keydown", (event) => {
    const group = event.key === "Escape" && event.target.closest(".nav-group[open]");
    if (!group) return;
    closeGroups();
    group.querySelector("summary").focus();
  });
}

// A form that was sent is not sent again by a second tap; the server is prepared for that anyway.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post" && !("again" in form.dataset)) form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// "/" goes to the page's search box, as in many tools; not while one is typing elsewhere.
document.addEventListener("keydown", (event) => {
  const box = document.querySelector("[data-search]");
  if (event.key !== "/" || !box || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  box.focus();
});
