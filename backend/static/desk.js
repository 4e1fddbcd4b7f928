// Niceties only: every page works without this file.

// The menu stands open; on a narrow screen it would push the page away.
if (matchMedia("(max-width: 991px)").matches) document.querySelector(".nav-fold")?.removeAttribute("open");

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
