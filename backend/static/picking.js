// Ticking cases: how many are ticked, and all of the page at once. Without this file one ticks them one by one, and
// the server says when none is.

const everyCase = document.querySelector("[data-all]");
const ticks = () => [...document.querySelectorAll("[name=picked]:not(:disabled)")];

function countTicks() {
  const ticked = ticks().filter((box) => box.checked).length;
  document.querySelector("[data-count]").textContent = ticked ? `（${ticked} 件）` : "";
  for (const button of everyCase.form.querySelectorAll("button")) button.disabled = !ticked;
  everyCase.checked = ticked > 0 && ticked === ticks().length;
}

if (everyCase) {
  everyCase.closest("[hidden]").hidden = false;
  everyCase.addEventListener("change", () => {
    for (const box of ticks()) box.checked = everyCase.checked;
  });
  document.addEventListener("change", countTicks);
  document.addEventListener("htmx:afterSettle", countTicks);
  window.addEventListener("pageshow", countTicks);
}
