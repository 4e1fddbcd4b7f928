// Ctrl + Enter sends the form from wherever the cursor stands in it. A nicety only: the button does the same.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest("form[data-quick]");
  if (!form || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
});

// The beginning of a report says what it is about; the whole of it would be too long for an address.
document.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  if (parameters.report) parameters.report = parameters.report.slice(0, 200);
});
