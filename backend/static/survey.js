// What an answer hides (resident.css) is no part of it: why not, once it is a good one; thanks, where nothing is solved.
// The server leaves them out, too.

const survey = document.querySelector("#survey");
survey?.addEventListener("change", () => {
  for (const box of survey.querySelectorAll("input[type=checkbox]:checked")) {
    if (box.closest("label").offsetParent === null) box.checked = false;
  }
});
