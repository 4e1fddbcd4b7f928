// Reporting: the place, the draft, one case for one report, photos, the location.

const assert = require("node:assert/strict");
const { afterEach, beforeEach, test } = require("node:test");
const { ApiServer, MATTERS, Refusal } = require("../api_server");
const { Phone } = require("../phone");

let server;
let phone;

beforeEach(async () => {
  server = await ApiServer.start();
  phone = new Phone(server.origin);
});

afterEach(() => server.stop());

test("a scanned code brings its place and one sentence makes a case there", async () => {
  await phone.open("pages/report/report?scene=p7");
  assert.match(phone.text(), /玉兰苑东门.*望溪街道/);
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.equal(server.cases.length, 1);
  const { key, ...given } = server.cases[0].given;
  assert.deepEqual(given, { report: "路灯不亮", scene: "p7" });
  assert.match(key, /^[\w-]{16,64}$/);
  assert.equal(phone.page.url, `/pages/case/case?number=${server.cases[0].number}`);
  assert.match(phone.text(), /待受理.*社区两小时内会看您的诉求/);
});

test("a scene that arrives encoded is decoded once", async () => {
  await phone.open("pages/report/report?scene=%70%37");
  assert.match(phone.text(), /玉兰苑东门/);
});

test("an ordinary link code brings its place, as a parameter or as the end of its path", async () => {
  for (const link of ["https://example.test/q?a=1&scene=p8", "https://example.test/q/p8", "https://example.test/q/p8/?x=1#y"]) {
    await phone.open(`pages/report/report?q=${encodeURIComponent(link)}&scancode_time=1795286000`);
    assert.match(phone.text(), /望溪社区/, link);
  }
});

test("without a code the resident chooses a place or scans one", async () => {
  await phone.open("pages/report/report");
  await phone.pick("places", 1);
  assert.match(phone.text(), /望溪社区/);
  phone.platform.scanResult = { path: "pages/report/report?scene=p7" };
  await phone.tap("scan");
  assert.match(phone.text(), /玉兰苑东门/);
});

test("an unknown code says so and offers the places instead", async () => {
  await phone.open("pages/report/report?scene=nowhere");
  assert.match(phone.text(), /没有找到这个地点码/);
  assert.ok(phone.has("places"));
});

test("everything that was filled in reaches the case, photos included", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  phone.photograph("wxfile://tmp/2.jpg");
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.type("address", "3 栋东边");
  await phone.type("phone", "13800000000");
  await phone.tap("add-photos");
  await phone.tap("locate");
  await phone.tap("submit");
  const { key, ...given } = server.cases[0].given;
  assert.deepEqual(given, {
    report: "路灯不亮",
    scene: "p7",
    address: "3 栋东边",
    phone: "13800000000",
    latitude: 22.7,
    longitude: 114.35,
  });
  assert.deepEqual(server.cases[0].photos.map(({ content }) => content), ["photo wxfile://tmp/1.jpg", "photo wxfile://tmp/2.jpg"]);
});

test("what neighbours have reported is said too with one tap, and without a word", async () => {
  server.matters = MATTERS;
  await phone.open("pages/report/report?scene=p7");
  assert.match(phone.text(), /邻居反映过的事.*我也是：路灯不亮.*我也是：垃圾堆放/);
  await phone.tap("matter-1");
  await phone.tap("matter-0");
  assert.match(phone.text(), /一起办：路灯不亮.*我也是：垃圾堆放.*还想说什么/);
  await phone.tap("submit");
  const { key, ...given } = server.cases[0].given;
  assert.deepEqual(given, { scene: "p7", same: "token-of-a-lamp" });
});

test("what was chosen is taken back by a second tap, by another place, and by a new day", async () => {
  server.matters = MATTERS;
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "井盖坏了");
  await phone.tap("matter-0");
  await phone.tap("matter-0");
  await phone.tap("matter-1");
  await phone.open("pages/report/report?scene=p8");
  assert.ok(!phone.has("matters"));
  await phone.tap("submit");
  assert.equal(server.cases[0].given.same, undefined);
  assert.equal(server.cases[0].given.report, "井盖坏了");
});

test("a matter that is gone meanwhile costs nothing that was written", async () => {
  server.matters = MATTERS;
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "我家楼下也是");
  await phone.tap("matter-0");
  server.matters = MATTERS.slice(1);
  await phone.tap("submit");
  assert.match(phone.text(), /我也是：垃圾堆放.*您写的内容还在/);
  await phone.tap("submit");
  assert.equal(server.cases[0].given.report, "我家楼下也是");
});

test("without the matters one reports all the same", async () => {
  server.fault = (name) => (name === "listMatters" ? "drop" : undefined);
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.equal(server.cases.length, 1);
});

test("a chosen photo and the location can be taken back", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("add-photos");
  await phone.tap("remove-0");
  await phone.tap("locate");
  await phone.tap("forget-location");
  await phone.tap("submit");
  assert.equal(server.cases[0].given.latitude, undefined);
  assert.deepEqual(server.cases[0].photos, []);
});

test("a double tap makes one request and one case", async () => {
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tapTwice("submit");
  assert.equal(server.count("open"), 1);
  assert.equal(server.cases.length, 1);
});

test("a failed send keeps the draft, and the next tap sends it", async () => {
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  phone.offline = true;
  await phone.tap("submit");
  assert.match(phone.text(), /网络不通.*您写的内容还在/);
  assert.equal(phone.value("report"), "路灯不亮");
  phone.offline = false;
  await phone.tap("submit");
  assert.equal(server.cases[0].report, "路灯不亮");
});

test("a draft outlives the mini program", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/kept.jpg");
  phone.photograph("wxfile://tmp/cleared.jpg");
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("add-photos");
  phone.files.delete("wxfile://tmp/cleared.jpg");
  phone.start();
  await phone.open("pages/report/report");
  assert.match(phone.text(), /玉兰苑东门/);
  assert.equal(phone.value("report"), "路灯不亮");
  await phone.tap("submit");
  assert.deepEqual(server.cases[0].photos.map(({ content }) => content), ["photo wxfile://tmp/kept.jpg"]);
});

test("a repeat after a lost answer is the same case", async () => {
  server.fault = (name, time) => (name === "open" && time === 1 ? "drop after" : undefined);
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.equal(server.cases.length, 1);
  assert.match(phone.text(), /您写的内容还在/);
  await phone.tap("submit");
  assert.equal(server.count("open"), 2);
  assert.equal(server.cases.length, 1);
  assert.match(phone.page.url, /case\?number=/);
});

test("the report after a sent one is another case", async () => {
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  await phone.back();
  assert.equal(phone.value("report"), "");
  await phone.type("report", "水管漏水");
  await phone.tap("submit");
  assert.deepEqual(server.cases.map(({ report }) => report), ["水管漏水", "路灯不亮"]);
});

test("photos that did not arrive are sent again, those that did are not", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  phone.photograph("wxfile://tmp/2.jpg");
  server.fault = (name, time) => (name === "photo" && time === 2 ? "drop" : undefined);
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("add-photos");
  await phone.tap("submit");
  assert.match(phone.text(), /您的诉求已经收到.*还有 1 张照片没有传上去/);
  await phone.tap("submit");
  assert.equal(server.count("open"), 1);
  assert.deepEqual(server.cases[0].photos.map(({ content }) => content), ["photo wxfile://tmp/1.jpg", "photo wxfile://tmp/2.jpg"]);
  assert.match(phone.page.url, /case\?number=/);
});

test("photos that WeChat has cleared do not hold up the next report", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  server.fault = (name) => (name === "photo" ? "drop" : undefined);
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("add-photos");
  await phone.tap("submit");
  phone.files.clear();
  phone.start();
  await phone.open("pages/report/report");
  assert.ok(phone.has("report"));
  await phone.type("report", "水管漏水");
  await phone.tap("submit");
  assert.equal(server.cases.length, 2);
});

test("what the API refuses is said in the API's words", async () => {
  await phone.open("pages/report/report?scene=p7");
  await phone.tap("submit");
  assert.match(phone.text(), /请写一句话，说说是什么事。/);
  server.fault = (name) => (name === "open" ? new Refusal(429, "too_many", "您今天反映得很多了，请明天再来。") : undefined);
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.match(phone.text(), /您今天反映得很多了/);
});
