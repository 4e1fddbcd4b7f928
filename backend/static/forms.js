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

// What was typed into a form that the server refused is there again after the browser's back button or a reload: the
// pages are not stored, and browsers fill no field again that has suggestions switched off. It is forgotten with the
// next page that refuses nothing.

const KEPT = "typed";
const UNKEPT = new Set(["hidden", "file", "password", "submit", "button", "fieldset"]);
const kept = (form) => [...form.elements].filter((field) => field.name && !UNKEPT.has(field.type));

function keep(form) {
  if (form.getAttribute("method") !== "post") return;
  const typed = kept(form).map((field) => [field.name, field.value, field.checked]);
  sessionStorage.setItem(KEPT, JSON.stringify([form.getAttribute("action"), typed]));
}

function bringBack() {
  const [action, typed] = JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  const form = action && [...document.forms].find((one) => one.getAttribute("action") === action);
  const fields = form ? kept(form) : [];
  fields.forEach((field, number) => {
    const [name, value, checked] = typed[number] ?? [];
    if (name !== field.name) return;
    if (["checkbox", "radio"].includes(field.type)) field.checked = checked;
    else field.value = value;
  });
}

const came = performance.getEntriesByType("navigation")[0]?.type;
if (["back_forward", "reload"].includes(came)) bringBack();
else if (!document.querySelector(".wrong")) sessionStorage.removeItem(KEPT);
