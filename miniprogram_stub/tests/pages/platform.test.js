// What the platform demands: login, privacy consent, subscriptions inside a tap.

const assert = require("node:assert/strict");
const { afterEach, beforeEach, test } = require("node:test");
const { ApiServer, Refusal } = require("../api_server");
const { Phone } = require("../phone");

let server;
let phone;

beforeEach(async () => {
  server = await ApiServer.start();
  phone = new Phone(server.origin);
});

afterEach(() => server.stop());

test("one login serves all requests, also those that start together, and the next start", async () => {
  await phone.open("pages/report/report");
  await phone.open("pages/cases/cases");
  phone.start();
  await phone.open("pages/cases/cases");
  assert.equal(server.count("login"), 1);
  assert.equal(server.count("templates"), 1);
});

test("a refused token is renewed once and the request is repeated", async () => {
  server.addCase({});
  await phone.open("pages/cases/cases");
  server.tokens.clear();
  await phone.open("pages/cases/cases");
  assert.match(phone.text(), /路灯不亮/);
  assert.equal(server.count("login"), 2);
  assert.equal(phone.platform.storage.get("session").includes("token-2"), true);
});

test("requests that are refused together share one renewal", async () => {
  const { number } = server.addCase({});
  await phone.open("pages/cases/cases");
  server.tokens.clear();
  await phone.open(`pages/case/case?number=${number}`);
  assert.equal(server.count("one"), 2);
  assert.equal(server.count("templates"), 2);
  assert.equal(server.count("login"), 2);
});

test("a second refusal is shown, not repeated for ever", async () => {
  server.fault = (name) => (name === "list" ? new Refusal(401, "unauthorized", "请重新登录。") : undefined);
  await phone.open("pages/cases/cases");
  assert.match(phone.text(), /请重新登录/);
  assert.equal(server.count("list"), 2);
  assert.equal(server.count("login"), 2);
});

test("a photo is sent again with the renewed token", async () => {
  phone.platform.consented = true;
  phone.photograph("wxfile://tmp/1.jpg");
  server.fault = (name, time) => {
    if (name === "photo" && time === 1) server.tokens.clear();
  };
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("add-photos");
  await phone.tap("submit");
  assert.equal(server.cases[0].photos.length, 1);
  assert.equal(server.count("login"), 2);
});

test("photos wait for consent, and come after it", async () => {
  phone.photograph("wxfile://tmp/1.jpg");
  await phone.open("pages/report/report?scene=p7");
  assert.ok(!phone.has("agree-btn"));
  await phone.tap("add-photos");
  assert.match(phone.text(), /《居民诉求隐私保护指引》/);
  assert.ok(!phone.has("remove-0"));
  await phone.tap("agree-btn");
  assert.ok(phone.has("remove-0"));
  assert.ok(!phone.has("agree-btn"));
});

test("refused consent leaves the words to report with", async () => {
  phone.photograph("wxfile://tmp/1.jpg");
  await phone.open("pages/report/report?scene=p7");
  for (const button of ["add-photos", "locate"]) {
    await phone.tap(button);
    await phone.tap("disagree-btn");
    assert.match(phone.text(), /您没有同意.*只写文字也可以反映/, button);
  }
  assert.ok(!phone.has("remove-0"));
  assert.ok(phone.has("locate"));
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.equal(server.cases[0].given.latitude, undefined);
  assert.deepEqual(server.cases[0].photos, []);
});

test("consent is asked again after a refusal, and one consent serves the location too", async () => {
  phone.photograph("wxfile://tmp/1.jpg");
  await phone.open("pages/report/report?scene=p7");
  await phone.tap("add-photos");
  await phone.tap("disagree-btn");
  await phone.tap("add-photos");
  await phone.tap("agree-btn");
  await phone.tap("locate");
  assert.ok(!phone.has("agree-btn"));
  assert.ok(phone.has("forget-location"));
});

test("a page that is left while it asks for consent does not leave the call waiting", async () => {
  phone.photograph("wxfile://tmp/1.jpg");
  await phone.open("pages/report/report?scene=p7");
  await phone.tap("add-photos");
  await phone.open("pages/report/report?scene=p7");
  assert.ok(!phone.has("agree-btn"));
  await phone.tap("add-photos");
  await phone.tap("agree-btn");
  assert.ok(phone.has("remove-0"));
});

test("an album closed without a choice is no problem to speak of", async () => {
  phone.platform.consented = true;
  await phone.open("pages/report/report?scene=p7");
  await phone.tap("add-photos");
  assert.ok(!phone.has("problem"));
});

test("the tap that sends also asks for the messages, and the API hears the answer", async () => {
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.deepEqual(phone.platform.askedToSubscribe, [["progress", "result"]]);
  assert.deepEqual(server.accepted, [{ progress: "accept", result: "accept" }]);
});

test("each action on a case asks for messages anew", async () => {
  const { number } = server.addCase({});
  await phone.open(`pages/case/case?number=${number}`);
  await phone.tap("action-urge");
  await phone.tap("confirm");
  assert.deepEqual(server.accepted, [{ progress: "accept", result: "accept" }]);
});

test("refused messages, or none to ask for, do not stop a report", async () => {
  phone.platform.subscribeAnswer = "reject";
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  server.templateIds = [];
  phone.start();
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "水管漏水");
  await phone.tap("submit");
  assert.equal(server.cases.length, 2);
  assert.deepEqual(server.accepted, [{ progress: "reject", result: "reject" }]);
});

test("a subscription that the API does not take does not stop a report", async () => {
  server.fault = (name) => (name === "subscribe" ? "drop" : undefined);
  await phone.open("pages/report/report?scene=p7");
  await phone.type("report", "路灯不亮");
  await phone.tap("submit");
  assert.match(phone.page.url, /case\?number=/);
});
