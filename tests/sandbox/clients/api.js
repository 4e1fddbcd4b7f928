// Plays an account's program against the sandbox's API with co-wechat-api. stdin: what to use; stdout: what came.

const API = require("co-wechat-api");
const { readFileSync } = require("node:fs");

const given = JSON.parse(readFileSync(0, "utf8"));
const api = new API(given.appId, given.secret);
// The library has no setting for the platform's address, but one for each part of it.
for (const [part, path] of Object.entries({
  prefix: "cgi-bin", snsPrefix: "sns", mpPrefix: "cgi-bin", fileServerPrefix: "cgi-bin", wxaPrefix: "wxa",
})) {
  api[part] = `${given.base}/${path}/`;
}

const picture = Buffer.from(given.picture, "base64");
const wrong = new API(given.appId, "0".repeat(32));
wrong.prefix = api.prefix;

const CALLS = {
  token: () => api.getAccessToken(),
  card: () => api.sendTemplate(given.openid, given.template, "http://x.test/c/1", "#173177", given.data),
  badCard: () => api.sendTemplate(given.openid, given.template, "", "", {}),
  text: () => api.sendText(given.openid, "您好，已经受理"),
  menu: () => api.createMenu({ button: [{ type: "click", name: "我要反映", key: "report" }] }),
  menuRead: () => api.getMenu(),
  menuGone: () => api.removeMenu(),
  menuMissing: () => api.getMenu(),
  code: () => api.createTmpQRCode(4711, 600),
  lasting: () => api.createLimitQRCode("yulan"),
  user: () => api.getUser(given.openid),
  users: () => api.batchGetUsers([given.openid]),
  followers: () => api.getFollowers(),
  media: () => api.uploadMedia(picture, "image", "photo.jpg", "image/jpeg"),
  mediaRead: async (done) => (await api.getMedia(done.media.media_id)).toString("base64"),
  image: (done) => api.sendImage(given.openid, done.media.media_id),
  codePicture: (done) => api.showQRCodeURL(done.code.ticket),
  page: () => api.getJsConfig({ jsApiList: ["checkJsApi"], openTagList: ["wx-open-subscribe"], url: given.page }),
  wrongSecret: () => wrong.getAccessToken(),
  wrongOpenid: () => api.sendText("o" + "x".repeat(27), "没有这个人"),
};

async function attempt(call, done) {
  try {
    return await call(done);
  } catch (error) {
    return { refused: error.code, name: error.name, text: error.message };
  }
}

async function main() {
  const done = {};
  for (const [name, call] of Object.entries(CALLS)) done[name] = await attempt(call, done);
  console.log(JSON.stringify(done));
}

main();
