// WeChat's own button, with which a person allows notices. What goes wrong leaves the page as it is.

const SCRIPT = "https://res.wx.qq.com/open/js/jweixin-1.6.0.js";
const TAG = "wx-open-subscribe";
const WORDS = "有进展提醒我";
const STYLE = `<style>.allow { width: 100%; height: 48px; border: 0; border-radius: 8px; background: #07c160; color: #fff; font-size: 17px; }</style>`;
const card = document.getElementById("subscribing");

const load = (address) => new Promise((loaded, failed) => {
  const script = document.createElement("script");
  Object.assign(script, { src: address, onload: loaded, onerror: failed });
  document.head.append(script);
});

// What stands inside the tag is drawn by WeChat, in a frame of its own.
function part(words, slot) {
  const script = document.createElement("script");
  script.type = "text/wxtag-template";
  if (slot) script.slot = slot;
  script.textContent = words;
  return script;
}

function button(templates) {
  const tag = document.createElement(TAG);
  tag.setAttribute("template", templates.join(","));
  tag.append(part(STYLE, "style"), part(`<button class="allow">${WORDS}</button>`));
  tag.addEventListener("success", (event) => {
    if (!JSON.stringify(event.detail || "").includes("accept")) return;
    card.querySelector("[role=status]").textContent = "好了，有进展会在微信里告诉您。";
    tag.remove();
  });
  return tag;
}

async function offer() {
  const page = encodeURIComponent(location.pathname + location.search);
  const answer = await fetch(`${card.dataset.ask}&page=${page}`);
  if (answer.status !== 200) return;
  const { config, templates } = await answer.json();
  await load(SCRIPT);
  document.addEventListener("WeixinOpenTagsError", () => { card.hidden = true; });
  let isRefused = false;
  window.wx.ready(() => {
    if (!card.querySelector(TAG)) card.append(button(templates));
    card.hidden = isRefused;
  });
  window.wx.error(() => { card.hidden = isRefused = true; });
  window.wx.config({ ...config, debug: false, jsApiList: ["checkJsApi"], openTagList: [TAG] });
}

offer().catch(() => {});
