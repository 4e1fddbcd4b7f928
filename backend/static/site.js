// Niceties only: every page works without this file.

// A form that was sent is not sent again by a second tap; the server is prepared for that anyway.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.classList.add("weui-btn_loading", "weui-btn_disabled");
  }
});

// Coming back with the back button shows the page as it was left: forms must be usable again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[type=submit]")) {
      button.classList.remove("weui-btn_loading", "weui-btn_disabled");
    }
  }
});

// The chosen tab may lie beyond the edge of a narrow screen.
document.querySelector(".tabs__one_on")?.scrollIntoView({ inline: "center", block: "nearest" });
