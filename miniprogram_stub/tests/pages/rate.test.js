// Rating: two questions, words if one likes, and kind words when it is too late.

const assert = require("node:assert/strict");
const { afterEach, beforeEach, test } = require("node:test");
const { ApiServer } = require("../api_server");
const { Phone } = require("../phone");

const CHOICES = ["没有人来", "时间太长"];
const UNANSWERED = {
  solved: null, satisfaction: null, words: null, reasons: [], choices: CHOICES, changeable_until: null, holds: "",
};

/** What was answered, without what only the API says. */
function given(number) {
  const { state, solved, satisfaction, words } = server.surveys.get(number);
  return { state, solved, satisfaction, words };
}

let server;
let phone;

beforeEach(async () => {
  server = await ApiServer.start();
  phone = new Phone(server.origin);
});

afterEach(() => server.stop());

async function openSurvey(survey) {
  const { number } = server.addCase({});
  server.surveys.set(number, { ...UNANSWERED, ...survey });
  await phone.open(`pages/rate/rate?number=${number}`);
  return number;
}

test("an answer with words reaches the API and is thanked for", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-4");
  await phone.type("words", "来得很快");
  await phone.tap("submit");
  assert.deepEqual(given(number), { state: "answered", solved: true, satisfaction: 4, words: "来得很快" });
  assert.match(phone.text(), /谢谢您的评价 事情：解决了 您的评价：满意 来得很快/);
  assert.ok(!phone.has("submit"));
});

test("not solved and very dissatisfied, without words, is an answer too", async () => {
  const number = await openSurvey({ state: "due" });
  await phone.tap("solved-no");
  await phone.tap("grade-1");
  await phone.tap("submit");
  assert.deepEqual(given(number), { state: "answered", solved: false, satisfaction: 1, words: null });
});

test("the five steps of satisfaction are shown, best first", async () => {
  await openSurvey({ state: "open" });
  assert.match(phone.text(), /很满意 满意 一般 不满意 很不满意/);
});

test("why not is asked of whoever says so, and ticked", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  assert.ok(!phone.has("why-0"));
  await phone.tap("solved-no");
  await phone.tap("grade-1");
  await phone.tap("why-0");
  await phone.tap("why-1");
  await phone.tap("why-1");
  await phone.tap("submit");
  assert.deepEqual(server.surveys.get(number).reasons, ["没有人来"]);
  assert.match(phone.text(), /原因：\s*没有人来/);
});

test("within its day an answer may be changed", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  await phone.tap("submit");
  assert.match(phone.text(), /1月1日 18:00前都可以改/);
  await phone.tap("change");
  await phone.tap("solved-no");
  await phone.tap("submit");
  assert.deepEqual(given(number), { state: "answered", solved: false, satisfaction: 5, words: null });
});

test("who takes a complaint back reads what becomes of the case, and that the complaint is no thanks", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-no");
  await phone.type("words", "灯还是坏的");
  await phone.tap("submit");
  await phone.tap("change");
  assert.match(phone.text(), /不会把它当作感谢/);
  server.surveys.set(number, { ...server.surveys.get(number), holds: "这件事不再重新办理" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  await phone.tap("submit");
  assert.match(phone.text(), /这件事不再重新办理。/);
});

test("whoever has nothing solved need not say how satisfied", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-no");
  await phone.tap("submit");
  assert.deepEqual(given(number), { state: "answered", solved: false, satisfaction: null, words: null });
});

test("thanks are said with a tap, and not again with the next answer", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  await phone.tap("thanks");
  await phone.tap("submit");
  assert.equal(server.surveys.get(number).thanks, true);
  server.surveys.set(number, { ...server.surveys.get(number), thanks: undefined });
  await phone.tap("change");
  await phone.tap("grade-4");
  await phone.tap("submit");
  assert.equal(server.surveys.get(number).thanks, undefined);
});

test("half an answer is not sent", async () => {
  await openSurvey({ state: "open" });
  await phone.tap("submit");
  assert.match(phone.text(), /请先点一下事情是不是解决了/);
  await phone.tap("solved-yes");
  await phone.tap("submit");
  assert.match(phone.text(), /请再点一下您是不是满意/);
  assert.equal(server.count("answer"), 0);
});

test("a double tap is one answer", async () => {
  await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  await phone.tapTwice("submit");
  assert.equal(server.count("answer"), 1);
  assert.match(phone.text(), /谢谢您的评价/);
});

test("an answered survey shows its answer and no form", async () => {
  const number = await openSurvey({ state: "answered", solved: false, satisfaction: 2, words: "没人来" });
  assert.match(phone.text(), /谢谢您的评价 事情：没有解决 您的评价：不满意 没人来/);
  assert.ok(!phone.has("submit"));
  await phone.tap("open-case");
  assert.equal(phone.page.url, `/pages/case/case?number=${number}`);
});

test("an expired survey says so kindly and shows the way to the case", async () => {
  const number = await openSurvey({ state: "expired" });
  assert.match(phone.text(), /评价已经截止 谢谢您/);
  assert.ok(!phone.has("submit"));
  await phone.tap("open-case");
  assert.equal(phone.page.url, `/pages/case/case?number=${number}`);
});

test("a survey that expires while it is being filled in says so", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  server.surveys.set(number, { ...UNANSWERED, state: "expired" });
  await phone.tap("submit");
  assert.match(phone.text(), /评价已经截止.*这次评价已经截止/);
  assert.ok(!phone.has("submit"));
});

test("an answer that could not be sent stays on the page", async () => {
  const number = await openSurvey({ state: "open" });
  await phone.tap("solved-yes");
  await phone.tap("grade-5");
  phone.offline = true;
  await phone.tap("submit");
  assert.match(phone.text(), /网络不通/);
  phone.offline = false;
  await phone.tap("submit");
  assert.equal(server.surveys.get(number).satisfaction, 5);
});

test("a survey that could not be read is read again on a tap", async () => {
  phone.offline = true;
  await openSurvey({ state: "open" });
  assert.match(phone.text(), /网络不通/);
  phone.offline = false;
  await phone.tap("again");
  assert.ok(phone.has("submit"));
});
