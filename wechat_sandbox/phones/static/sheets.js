// The sheets that slide up in a phone: voice, location, scan.

import { call, get } from "./api.js";

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

export async function openScanSheet(phone) {
  const form = openSheet(phone, "scan-sheet");
  const list = form.querySelector(".choices");
  let codes = [];
  const show = () => {
    const wanted = form.filter.value.trim();
    const found = codes.filter((code) => (code.label + code.scene).includes(wanted));
    found.sort((one, other) => other.permanent - one.permanent); // places first: personal codes are used once
    list.replaceChildren(...found.slice(0, 200).map((code) => codeChoice(phone, code)));
    if (!found.length) list.textContent = codes.length ? "没有这样的码" : "还没有二维码";
  };
  form.filter.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.picture.addEventListener("change", () => scanPicture(phone, form.picture.files[0]));
  codes = (await get("/codes")).codes;
  show();
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

async function scanPicture(phone, file) {
  const body = new FormData();
  body.append("picture", file);
  closeSheet(phone);
  try {
    phone.follow(await call("POST", `/users/${phone.user.user_id}/scan`, body));
  } catch (error) {
    phone.say(error.message);
  }
  phone.afterwards();
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
