// How each kind of message looks in the chat.

// Of an address only what may stand in one, so that Chinese words may follow without a space; a point or a
// bracket at its end belongs to the sentence. Other schemes (javascript:) stay the text that they are.
const LINK = /<a\s[^>]*?href="(https?:\/\/[^"]+)"[^>]*>(.*?)<\/a>|(https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]*[\w\-~/#@$&*+=%])/gis;

function make(tag, name, ...content) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...content.filter((part) => part !== null && part !== undefined && part !== ""));
  return node;
}

// The phones are in China, wherever the browser is.
const ZONE = { timeZone: "Asia/Shanghai" };
export const hourOf = (moment) =>
  moment.toLocaleTimeString("zh-CN", { ...ZONE, hour: "2-digit", minute: "2-digit", hour12: false });
const dayOf = (moment) => moment.toLocaleDateString("zh-CN", { ...ZONE, month: "long", day: "numeric" });

export function timeLine(at) {
  const moment = new Date(at * 1000);
  const day = dayOf(moment) === dayOf(new Date()) ? "" : `${dayOf(moment)} `;
  return make("div", "time", day + hourOf(moment));
}

// Text with its links made tappable: bare addresses and the <a href> that WeChat allows.
function withLinks(text, open) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const url = found[1] || found[3];
    const link = make("a", "", found[2] || url);
    link.href = url;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(url);
    });
    parts.push(text.slice(end, found.index), link);
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

const tapping = (message, phone, item) => () => phone.act("tap", { message_id: message.id, item });

const words = (text, phone) => withLinks(text || "", (url) => phone.openPage(url));

const text = (message, phone) => make("div", "bubble text", ...words(message.content, phone));

function image(message, phone) {
  const picture = make("img", "picture");
  // The sandbox may be known by another name to its accounts than to this browser.
  picture.src = new URL(message.picture_url).pathname;
  picture.alt = "图片";
  picture.addEventListener("load", () => (phone.chat.scrollTop = phone.chat.scrollHeight));
  return picture;
}

function voice(message) {
  const length = make("span", "wave", `${Math.round(message.seconds || 3)}″`);
  const words = message.recognition ? make("div", "recognised", message.recognition) : null;
  const bubble = make("div", "bubble voice", length);
  bubble.style.minWidth = `${80 + Math.min(60, message.seconds || 3) * 3}px`;
  return make("div", "stack", bubble, words);
}

function location(message) {
  const place = `${message.latitude.toFixed(5)}，${message.longitude.toFixed(5)}`;
  const words = make("div", "words", make("b", "", message.label || "位置"), make("small", "", place));
  return make("div", "card location", words, make("div", "map", make("i", "pin")));
}

function template(message, phone) {
  const { title, rows, url, mini_program: program } = message.card;
  const lines = rows.map((row) => make("div", "row", make("span", "label", row.label), make("span", "value", row.value)));
  const card = make("div", "card template", make("h3", "", title), ...lines);
  if (url || program) {
    const more = make("button", "details", "查看详情");
    more.addEventListener("click", tapping(message, phone));
    card.append(more);
  }
  return card;
}

function msgmenu(message, phone) {
  const lines = message.items.map((item) => {
    const line = make("button", "line", item.content);
    line.addEventListener("click", tapping(message, phone, item.id));
    return line;
  });
  const head = message.content ? make("div", "", ...words(message.content, phone)) : null;
  const tail = message.tail ? make("div", "", ...words(message.tail, phone)) : null;
  return make("div", "bubble text", head, ...lines, tail);
}

function news(message, phone) {
  const articles = message.articles.map((article, index) => {
    const picture = article.picture_url ? make("img", "cover") : null;
    if (picture) picture.src = article.picture_url;
    const entry = make("button", "article", make("b", "", article.title), picture, make("small", "", article.description));
    entry.addEventListener("click", tapping(message, phone, index));
    return entry;
  });
  return make("div", "card news", ...articles);
}

function link(message, phone) {
  const card = make("button", "card article", make("b", "", message.content), make("small", "", message.description || message.url));
  card.addEventListener("click", () => (message.mini_program ? tapping(message, phone)() : phone.openPage(message.url)));
  return card;
}

// A card of WeCom's: words, lines, and buttons that take a step; once it was taken the button says so.
function workCard(message, phone) {
  const { title, words: text, rows = [], buttons = [], url, more } = message.card;
  const lines = rows.map((row) => make("div", "row", make("span", "label", row.label), make("span", "value", row.value)));
  const card = make("div", "card template work", make("h3", "", title), make("p", "said", text), ...lines);
  for (const { text: label, key } of buttons) {
    const button = make("button", "primary", message.replaced || label);
    button.disabled = Boolean(message.replaced);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await phone.act("button", { message_id: message.id, key });
      setTimeout(() => phone.reload(), 1500);
    });
    card.append(button);
  }
  if (url) {
    const details = make("button", "details", more || "查看详情");
    details.addEventListener("click", () => phone.openPage(url));
    card.append(details);
  }
  return card;
}

const file = (message) => make("div", "bubble text", `[${message.content || "消息"}]`);
const KINDS = {
  text, image, voice, location, template, msgmenu, news, link,
  work_card: workCard, mini_program: link, music: link, video: image, shortvideo: image, file,
};

export function bubble(message, phone) {
  if (message.from === "system") return make("div", "notice", message.content);
  const body = (KINDS[message.type] || file)(message, phone);
  const wide = ["template", "news", "work_card"].includes(message.type) ? " wide" : "";
  const name = message.from === "user" ? phone.user.name : phone.accounts.selectedOptions[0]?.text || "";
  const face = make("div", "face", name.slice(0, 1));
  const footer = message.footer ? make("small", "footer", message.footer) : null;
  const line = make("div", `line-of ${message.from}${wide}`, face, make("div", "stack", body, footer));
  line.dataset.id = message.id;
  line.title = new Date(message.at * 1000).toLocaleString("zh-CN", ZONE);
  return line;
}
