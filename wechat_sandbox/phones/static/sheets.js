// The sheets that slide up in a phone: voice, location, scan, and what a scan found.

import { get } from "./api.js";

function openSheet(phone, name) {
  const sheet = phone.find(".sheet");
  sheet.replaceChildren(document.getElementById(name).content.cloneNode(true));
  sheet.hidden = false;
  phone.toggleTools(false);
  sheet.querySelector(".close").addEventListener("click", () => closeSheet(phone));
  return sheet.querySelector("form");
}

export function closeSheet(phone) {
  phone.find(".sheet").hidden = true;
  phone.find(".sheet").replaceChildren();
}

function onSend(phone, form, fields) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    phone.act("send", fields());
    closeSheet(phone);
  });
}

export function openVoiceSheet(phone) {
  const form = openSheet(phone, "voice-sheet");
  onSend(phone, form, () => {
    const recognition = form.recognition.value.trim();
    return { type: "voice", seconds: Number(form.seconds.value), ...(recognition && { recognition }) };
  });
  form.recognition.focus();
}

export async function openLocationSheet(phone) {
  const form = openSheet(phone, "location-sheet");
  onSend(phone, form, () => ({
    type: "location",
    label: form.label.value,
    latitude: form.latitude.value,
    longitude: form.longitude.value,
  }));
  const { places } = await get("/settings");
  form.querySelector(".choices").append(...places.map((place) => choice(place.label, "", () => fill(form, place))));
  if (places.length) fill(form, places[0]);
}

export function openScanSheet(phone) {
  const form = openSheet(phone, "scan-sheet");
  form.filter.addEventListener("input", () => showCodes(phone, form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    scanText(phone, form.text.value.trim());
  });
  form.addEventListener("paste", (event) => scanPicture(phone, event.clipboardData.files[0]));
  form.picture.addEventListener("change", () => scanPicture(phone, form.picture.files[0]));
  showCodes(phone, form);
}

async function showCodes(phone, form) {
  const words = form.filter.value.trim();
  try {
    const { codes } = await get(`/codes?words=${encodeURIComponent(words)}`);
    if (words !== form.filter.value.trim()) return; // A later look is under way.
    const list = form.querySelector(".choices");
    list.replaceChildren(...codes.map((code) => codeChoice(phone, code)));
    if (!codes.length) list.textContent = words ? "没有这样的码" : "还没有二维码";
  } catch (error) {
    phone.say(error.message);
  }
}

function codeChoice(phone, code) {
  const over = code.expires_at && code.expires_at * 1000 < Date.now();
  const kind = code.kind === "mini_program" ? "小程序码" : code.permanent ? "长期" : over ? "已过期" : "临时";
  return choice(code.label, kind, () => {
    closeSheet(phone);
    phone.accounts.value = [...phone.accounts.options].some((one) => one.value === code.app_id) ? code.app_id : phone.appId;
    phone.act("scan", { ticket: code.ticket });
  });
}

function scanText(phone, text) {
  if (!text) return;
  closeSheet(phone);
  phone.act("scan", { url: text });
}

function scanPicture(phone, file) {
  if (!file) return;
  closeSheet(phone);
  const reader = new FileReader();
  reader.addEventListener("load", () => phone.act("scan", { picture: reader.result.split(",")[1] }));
  reader.readAsDataURL(file);
}

// What is in a code and is no web address is only shown.
export function openTextSheet(phone, text) {
  openSheet(phone, "text-sheet").querySelector(".text").textContent = text;
}

function choice(words, remark, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(words);
  const small = document.createElement("small");
  small.textContent = remark;
  button.append(small);
  button.addEventListener("click", action);
  return button;
}

function fill(form, values) {
  for (const name of ["label", "latitude", "longitude"]) form.elements[name].value = values[name];
}
