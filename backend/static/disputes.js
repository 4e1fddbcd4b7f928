// Disputes refresh by themselves, but never under somebody's hands: what was typed or chosen stays, and a line says
// that there is something new.

const moved = document.querySelector("#moved");
const isTouched = (field) => field.matches(":focus") || field.value.trim() !== "";
const isBusy = (part) => [...part.querySelectorAll("textarea, select")].some(isTouched);

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (target.id !== "disputes" || xhr.status !== 200) return;
  moved.hidden = !isBusy(target);
  event.detail.shouldSwap = moved.hidden;
});
