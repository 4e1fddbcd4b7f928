// Says what is wrong with a form beside the field, before anything is sent: a refusal by the server costs the chosen
// photos, which no page can put back. The server checks all of this again, and more (macros.html says what is read).

const PHOTO = 10; // MB, as the server takes them
const TOGETHER = 11; // of the 12 MB that it takes at once

function complaint(field) {
  if (field.type === "file") return weigh([...field.files]);
  const words = field.value.trim();
  if (field.required && (field.validity.valueMissing || !words)) return field.dataset.missing;
  const length = [...words].length;
  const most = Number(field.dataset.most);
  if (length > most) return `写得太长了，最多 ${most} 个字，现在是 ${length} 个字`;
  const { like, unlike, without } = field.dataset;
  const bare = without ? words.replace(new RegExp(without, "gu"), "") : words;
  return bare && like && !new RegExp(like, "su").test(bare) ? unlike : "";
}

function weigh(files) {
  const sizes = files.map((file) => file.size / 1024 / 1024);
  if (sizes.some((size) => size > PHOTO)) return `有一张照片太大了，请选 ${PHOTO} MB 以内的照片`;
  const sum = sizes.reduce((all, size) => all + size, 0);
  return sum > TOGETHER ? "照片加起来太大了，请少选几张，其余的以后再补充" : "";
}

function say(field, sentence) {
  const place = field.closest("fieldset, .field");
  if (!place) return;
  place.querySelector(".wrong")?.remove();
  if (!sentence) return;
  const words = document.createElement("span");
  words.className = "wrong";
  words.setAttribute("role", "alert");
  words.textContent = sentence;
  place.append(words);
}

function show(field) {
  field.closest("fieldset, .field").scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  const fields = [...event.target.querySelectorAll("textarea, select, input:not([type=hidden])")];
  const wrong = fields.filter((field) => {
    const sentence = complaint(field);
    say(field, sentence);
    return sentence;
  });
  if (!wrong.length) {
    if (!event.defaultPrevented) keep(event.target);
    return;
  }
  event.preventDefault();
  show(wrong[0]);
});

// Not at "change", which comes with the tap on the button: the button would move away below the finger.
document.addEventListener("input", (event) => {
  if (event.target.closest("fieldset, .field")) say(event.target, "");
});

document.querySelector(".wrong")?.scrollIntoView({ block: "center" });

// What was changed in a form that the server did not take is there again after the browser's back button or a reload:
// the pages are not stored, and browsers fill no field again that has suggestions switched off. The newest few forms
// that were sent are remembered, the latest last, which a page forgets that says `data-taken`.

const KEPT = "typed";
const FEW = 3;
const UNKEPT = new Set(["hidden", "file", "password", "submit", "button", "fieldset"]);
const ANEW = new Set(["csrf_token", "key", "seen", "sure"]); // is another, or must be given again, each time
const wasRefused = Boolean(document.querySelector(".wrong"));
const isTick = (field) => ["checkbox", "radio"].includes(field.type);
const remembered = () => JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
const remember = (forms) => sessionStorage.setItem(KEPT, JSON.stringify(forms.slice(-FEW)));

function kept(form) {
  const fields = [...form.elements].filter((field) => field.name && !UNKEPT.has(field.type));
  return fields.filter((field) => !ANEW.has(field.name) && field.autocomplete !== "one-time-code");
}

// Which form this is: several of a page may be sent to one address.
function identity(form) {
  const action = form.getAttribute("action");
  const alike = [...document.forms].filter((one) => one.getAttribute("action") === action);
  const hidden = [...form.elements].filter((field) => field.type === "hidden" && !ANEW.has(field.name));
  return JSON.stringify([action, alike.indexOf(form), hidden.map((field) => [field.name, field.value])]);
}

function isChanged(field) {
  if (isTick(field)) return field.checked !== field.defaultChecked;
  if (field.type !== "select-one") return field.value !== field.defaultValue;
  const options = [...field.options];
  return field.value !== (options.find((one) => one.defaultSelected) ?? options[0])?.value;
}

// On the page of a refusal, what was changed before that is no change any more.
function keep(form) {
  if (form.getAttribute("method") !== "post") return;
  const own = identity(form);
  const [, before] = (wasRefused && remembered().find(([which]) => which === own)) || [own, []];
  const typed = kept(form).map((field, number) =>
    isChanged(field) || before[number] ? [field.name, field.value, field.checked] : null,
  );
  remember([...remembered().filter(([which]) => which !== own), [own, typed]]);
}

function bringBack(form) {
  const [, typed] = remembered().find(([which]) => which === identity(form)) ?? [null, []];
  kept(form).forEach((field, number) => {
    const [name, value, checked] = typed[number] ?? [];
    if (name !== field.name || (isTick(field) && value !== field.value)) return;
    if (isTick(field)) field.checked = checked;
    else field.value = value;
  });
}

if (document.querySelector("[data-taken]")) remember(remembered().slice(0, -1));
const came = performance.getEntriesByType("navigation")[0]?.type;
if (["back_forward", "reload"].includes(came)) [...document.forms].forEach(bringBack);
