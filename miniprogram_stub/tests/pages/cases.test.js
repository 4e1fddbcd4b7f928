// My cases and one case: lists, pages of lists, the timeline, and the actions that the API offers.

const assert = require("node:assert/strict");
const { afterEach, beforeEach, test } = require("node:test");
const { ApiServer } = require("../api_server");
const { Phone } = require("../phone");

const URGE = { action: "urge", label: "催一催", needs_note: false };
const REOPEN = { action: "reopen", label: "没有解决", needs_note: true };
const ADD = { action: "add", label: "补充说明", needs_note: false };

let server;
let phone;

beforeEach(async () => {
  server = await ApiServer.start();
  phone = new Phone(server.origin);
});

afterEach(() => server.stop());

function openCase(fields) {
  const of = server.addCase(fields);
  return phone.open(`pages/case/case?number=${of.number}`).then(() => of);
}

test("the list shows the newest case first, with its status and place", async () => {
  server.addCase({ report: "水管漏水", status_label: "已结案" });
  server.addCase({ report: "路灯不亮" });
  await phone.open("pages/cases/cases");
  assert.match(phone.text(), /11月21日 18:30 待受理 路灯不亮 玉兰苑东门.*已结案 水管漏水/);
  assert.match(phone.text(), /都在这里了/);
});

test("more cases come when the bottom is reached, until there are no more", async () => {
  for (let made = 0; made < 45; made += 1) server.addCase({ report: `第${made}件事` });
  await phone.open("pages/cases/cases");
  assert.equal(phone.page.root.get().data.rows.length, 20);
  for (const expected of [40, 45, 45]) {
    await phone.reachBottom();
    assert.equal(phone.page.root.get().data.rows.length, expected);
  }
  assert.equal(server.count("list"), 3);
  assert.match(phone.text(), /第44件事.*第0件事.*都在这里了/);
});

test("a resident without cases is shown the way to report", async () => {
  await phone.open("pages/cases/cases");
  assert.match(phone.text(), /您还没有反映过问题/);
  await phone.tap("first");
  assert.equal(phone.page.path, "pages/report/report");
});

test("a list that could not be read says so and is read again on a tap", async () => {
  server.addCase({});
  phone.offline = true;
  await phone.open("pages/cases/cases");
  assert.match(phone.text(), /网络不通/);
  assert.doesNotMatch(phone.text(), /您还没有反映过问题/);
  phone.offline = false;
  await phone.tap("again");
  assert.match(phone.text(), /路灯不亮/);
});

test("a tap on a case opens it, and the list is fresh on the way back", async () => {
  const of = server.addCase({});
  await phone.open("pages/cases/cases");
  await phone.tap(`case-${of.number}`);
  assert.equal(phone.page.url, `/pages/case/case?number=${of.number}`);
  of.status_label = "处置中";
  await phone.back();
  assert.match(phone.text(), /处置中 路灯不亮/);
});

test("a pull down reads the case again", async () => {
  const of = await openCase({});
  of.status_label = "处置中";
  await phone.pullDown();
  assert.match(phone.text(), /处置中/);
});

test("a case shows its status, what comes next, every step in order, and its photos", async () => {
  await openCase({
    steps: [
      { at: "2026-11-21T18:30:00+08:00", label: "已收到", note: "", who: "您" },
      { at: "2026-11-21T19:05:00+08:00", label: "已受理", note: "今天去看", who: "网格员" },
    ],
    photos: [{ id: "1", url: "/media/1?sign=x" }, { id: "2", url: "/media/2?sign=y" }],
  });
  assert.match(phone.text(), /待受理 社区两小时内会看您的诉求。 最晚 11月21日 20:30 前/);
  assert.match(phone.text(), /已收到 11月21日 18:30 您 已受理 今天去看 11月21日 19:05 网格员/);
  await phone.tap("photo-1");
  const urls = [`${server.origin}/media/1?sign=x`, `${server.origin}/media/2?sign=y`];
  assert.deepEqual(phone.platform.previewed, [{ urls, current: urls[1] }]);
});

test("exactly the actions of the API are offered, under the API's labels", async () => {
  await openCase({ actions: [URGE, { action: "withdraw", label: "不用办了", needs_note: false }] });
  assert.match(phone.text(), /催一催 不用办了/);
  for (const action of ["add", "confirm", "reopen"]) assert.ok(!phone.has(`action-${action}`), action);
});

test("a case without actions offers none", async () => {
  await openCase({ actions: [] });
  assert.equal(phone.elements().filter(({ id }) => id.startsWith("action-")).length, 0);
});

test("an action asks first, and is sent once although it is tapped twice", async () => {
  const of = await openCase({ actions: [URGE] });
  await phone.tap("action-urge");
  assert.match(phone.text(), /确定要“催一催”吗？/);
  assert.ok(!phone.has("note"));
  assert.equal(server.count("act"), 0);
  await phone.tapTwice("confirm");
  assert.equal(server.count("act"), 1);
  assert.equal(of.steps.length, 2);
  assert.ok(!phone.has("confirm"));
});

test("an action can be called off", async () => {
  await openCase({ actions: [URGE] });
  await phone.tap("action-urge");
  await phone.tap("cancel");
  assert.ok(!phone.has("confirm"));
  assert.equal(server.count("act"), 0);
});

test("not solved goes with the resident's words, and without them the API's refusal is shown", async () => {
  const of = await openCase({ actions: [REOPEN] });
  await phone.tap("action-reopen");
  await phone.tap("confirm");
  assert.match(phone.text(), /请写明原因/);
  await phone.type("note", "灯又灭了");
  await phone.tap("confirm");
  assert.deepEqual(of.steps.at(-1), { at: of.steps[0].at, label: "没有解决", note: "灯又灭了", who: "您" });
  assert.match(phone.text(), /没有解决 灯又灭了/);
});

test("words and photos are added to the case", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  const of = await openCase({ actions: [ADD] });
  await phone.tap("action-add");
  await phone.tap("add-photos");
  await phone.type("note", "在 3 栋");
  await phone.tap("confirm");
  assert.deepEqual(of.photos.map(({ content }) => content), ["photo wxfile://tmp/1.jpg"]);
  assert.equal(of.steps.at(-1).note, "在 3 栋");
  assert.ok(phone.has("photo-0"));
});

test("photos alone are added without an empty step", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  const of = await openCase({ actions: [ADD] });
  await phone.tap("action-add");
  await phone.tap("add-photos");
  await phone.tap("confirm");
  assert.equal(of.photos.length, 1);
  assert.equal(server.count("act"), 0);
  assert.ok(phone.has("photo-0"));
});

test("words stay when they could not be sent", async () => {
  const of = await openCase({ actions: [REOPEN] });
  await phone.tap("action-reopen");
  await phone.type("note", "灯又灭了");
  phone.offline = true;
  await phone.tap("confirm");
  assert.match(phone.text(), /网络不通/);
  assert.equal(phone.value("note"), "灯又灭了");
  phone.offline = false;
  await phone.tap("confirm");
  assert.equal(of.steps.at(-1).note, "灯又灭了");
});

test("an action that is no longer possible says so and shows the case as it is now", async () => {
  const of = await openCase({ actions: [URGE] });
  await phone.tap("action-urge");
  Object.assign(of, { actions: [], status_label: "已结案" });
  await phone.tap("confirm");
  assert.match(phone.text(), /已结案.*这件诉求现在不能这样做/);
});

test("a case that is not the resident's says so", async () => {
  await phone.open("pages/case/case?number=261121999999");
  assert.match(phone.text(), /没有找到这件诉求/);
});

test("a survey that waits leads to its page", async () => {
  const of = await openCase({ survey: { state: "open" } });
  server.surveys.set(of.number, { state: "open", solved: null, satisfaction: null, words: null, reasons: [], choices: [], changeable_until: null, holds: "" });
  await phone.tap("rate");
  assert.equal(phone.page.url, `/pages/rate/rate?number=${of.number}`);
});
