// Niceties only: every page works without this file.

// Arriving tells where the phone is, if its owner lets it; nobody waits longer than three seconds for that.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("locate" in form.dataset) || form.dataset.located || !navigator.geolocation) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  form.dataset.located = "yes";
  const send = () => { if (!form.dataset.leaving) { form.dataset.leaving = "yes"; form.requestSubmit(); } };
  setTimeout(send, 3000);
  navigator.geolocation.getCurrentPosition((found) => {
    form.elements.latitude.value = found.coords.latitude;
    form.elements.longitude.value = found.coords.longitude;
    send();
  }, send, { timeout: 2500, maximumAge: 60000, enableHighAccuracy: true });
}, true);

// Typing a part of a unit's name leaves only those units; a chosen one stays.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-filter-units]")) return;
  const wanted = event.target.value.trim();
  for (const row of document.querySelectorAll(".unit-rest .unit-row")) {
    row.hidden = !row.textContent.includes(wanted) && !row.querySelector("input:checked");
  }
});
