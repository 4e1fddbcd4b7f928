// A small /api/v1 over real HTTP that keeps its cases in memory and follows the API's contract, with faults for tests to set.

const http = require("node:http");

const PAGE_SIZE = 20;
const STEP_AT = "2026-11-21T18:30:00+08:00";

const PLACES = [
  { scene: "p7", name: "玉兰苑东门", path: "青岚区 / 望溪街道 / 玉兰社区" },
  { scene: "p8", name: "望溪社区", path: "青岚区 / 望溪街道" },
];

const MATTERS = [
  { same: "token-of-a-lamp", words: "路灯不亮（玉兰社区，11月20日有人反映，正在办）" },
  { same: "token-of-waste", words: "垃圾堆放（玉兰社区，11月19日有人反映，正在办）" },
];

/** Fields of a case that tests may override. */
const FRESH_CASE = {
  status: "submitted",
  status_label: "待受理",
  round: 1,
  created_at: STEP_AT,
  due_at: "2026-11-21T20:30:00+08:00",
  next: "社区两小时内会看您的诉求。",
  photos: [],
  survey: null,
};

/** Answers by method and path; the first match serves. `public` ones need no token. */
const ROUTES = [
  ["POST", /^\/login$/, "login", "public"],
  ["GET", /^\/place$/, "place", "public"],
  ["GET", /^\/places$/, "places"],
  ["GET", /^\/matters$/, "listMatters"],
  ["GET", /^\/templates$/, "templates"],
  ["POST", /^\/subscriptions$/, "subscribe"],
  ["GET", /^\/cases$/, "list"],
  ["POST", /^\/cases$/, "open"],
  ["GET", /^\/cases\/(\d{12})$/, "one"],
  ["GET", /^\/cases\/(\d{12})\/survey$/, "survey"],
  ["POST", /^\/cases\/(\d{12})\/survey$/, "answer"],
  ["POST", /^\/cases\/(\d{12})\/survey\/photos$/, "surveyPhoto"],
  ["POST", /^\/cases\/(\d{12})\/photos$/, "photo"],
  ["POST", /^\/cases\/(\d{12})\/(add|urge|withdraw|confirm|reopen)$/, "act"],
];

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.body = { error: code, message };
  }
}

class ApiServer {
  constructor() {
    this.cases = [];
    /** What neighbours have reported at the first place; none, until a test says so. */
    this.matters = [];
    this.keys = new Map();
    this.surveys = new Map();
    this.tokens = new Set();
    this.codes = new Set();
    this.accepted = [];
    this.requests = [];
    this.templateIds = ["progress", "result"];
    /** Set by a test: (name of the answer, how often it was asked) → "drop", "drop after", a Refusal, or nothing. */
    this.fault = () => undefined;
    this.http = http.createServer((request, response) => this.serve(request, response));
  }

  /** @returns {Promise<ApiServer>} listening on a free port of the loopback */
  static async start() {
    const server = new ApiServer();
    await new Promise((resolve) => server.http.listen(0, "127.0.0.1", resolve));
    server.origin = `http://127.0.0.1:${server.http.address().port}`;
    return server;
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  /** How often an answer was asked for. */
  count(name) {
    return this.requests.filter((request) => request.name === name).length;
  }

  async serve(request, response) {
    const body = await read(request);
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const path = pathname.replace("/api/v1", "");
    const [, pattern, name, access] = ROUTES.find(([method, route]) => method === request.method && route.test(path)) || [];
    if (!name) return send(response, 404, { error: "not_found", message: "没有这个地址。" });
    this.requests.push({ name, path });
    const fault = this.fault(name, this.count(name));
    if (fault === "drop") return request.socket.destroy();
    try {
      if (fault) throw fault instanceof Refusal ? fault : "drop after";
      if (access !== "public") this.authorise(request);
      const input = { parameters: pattern.exec(path).slice(1), query: searchParams, body, headers: request.headers };
      const [status, answer] = await this[name](input);
      send(response, status, answer);
    } catch (failure) {
      if (failure !== "drop after" && !(failure instanceof Refusal)) throw failure;
      if (failure instanceof Refusal) return send(response, failure.status, failure.body);
      // The worst of faults: the work is done, and the answer is lost on its way.
      await this[name]({ parameters: pattern.exec(path).slice(1), query: searchParams, body, headers: request.headers });
      request.socket.destroy();
    }
  }

  authorise(request) {
    const token = (request.headers.authorization || "").replace("Bearer ", "");
    if (!this.tokens.has(token)) throw new Refusal(401, "unauthorized", "请重新登录。");
  }

  login({ body }) {
    const { code } = JSON.parse(body);
    if (this.codes.has(code)) throw new Refusal(400, "used_code", "登录码已经用过。");
    this.codes.add(code);
    const token = `token-${this.codes.size}`;
    this.tokens.add(token);
    return [200, { token, expires_at: "2026-12-21T18:30:00+08:00" }];
  }

  place({ query }) {
    const place = PLACES.find(({ scene }) => scene === query.get("scene"));
    if (!place) throw new Refusal(404, "unknown_place", "没有找到这个地点码。");
    return [200, place];
  }

  places() {
    return [200, { places: PLACES }];
  }

  listMatters({ query }) {
    const [, place] = this.place({ query });
    return [200, { matters: place === PLACES[0] ? this.matters : [] }];
  }

  templates() {
    return [200, { template_ids: this.templateIds }];
  }

  subscribe({ body }) {
    this.accepted.push(JSON.parse(body).accepted);
    return [204];
  }

  open({ body }) {
    const given = JSON.parse(body);
    if (this.keys.has(given.key)) return [200, this.keys.get(given.key)];
    if (given.same && !this.matters.some(({ same }) => same === given.same)) throw new Refusal(410, "gone", "链接已失效");
    if (!given.report?.trim() && !given.same) throw new Refusal(400, "empty_report", "请写一句话，说说是什么事。");
    const place = PLACES.find(({ scene }) => scene === given.scene);
    const opened = this.addCase({ report: given.report || "附议：路灯不亮", place: place ? place.name : "", given });
    this.keys.set(given.key, opened);
    return [201, opened];
  }

  /** Puts a case into the server, newest first. */
  addCase(fields) {
    const number = String(261121000001 + this.cases.length);
    const steps = [{ at: STEP_AT, label: "已收到", note: "", who: "您" }];
    const actions = [{ action: "urge", label: "催一催", needs_note: false }];
    const added = { ...FRESH_CASE, photos: [], number, report: "路灯不亮", place: "玉兰苑东门", steps, actions, ...fields };
    this.cases.unshift(added);
    return added;
  }

  list({ query }) {
    const from = Number(query.get("before") || 0);
    const next = from + PAGE_SIZE < this.cases.length ? String(from + PAGE_SIZE) : null;
    return [200, { cases: this.cases.slice(from, from + PAGE_SIZE), next }];
  }

  find(number) {
    const found = this.cases.find((candidate) => candidate.number === number);
    if (!found) throw new Refusal(404, "not_found", "没有找到这件诉求。");
    return found;
  }

  one({ parameters: [number] }) {
    return [200, this.find(number)];
  }

  act({ parameters: [number, action], body }) {
    const of = this.find(number);
    const offer = of.actions.find((candidate) => candidate.action === action);
    const { note = "" } = JSON.parse(body);
    if (!offer) throw new Refusal(409, "not_now", "这件诉求现在不能这样做。");
    if (offer.needs_note && !note) throw new Refusal(400, "note_needed", "请写明原因。");
    of.steps.push({ at: STEP_AT, label: offer.label, note, who: "您" });
    return [200, of];
  }

  async photo({ parameters: [number], body, headers }) {
    const form = await new Response(body, { headers: { "content-type": headers["content-type"] } }).formData();
    const content = await form.get("photo").text();
    const of = this.find(number);
    const photo = { id: String(of.photos.length + 1), url: `/media/${of.photos.length + 1}?sign=x`, content };
    of.photos.push(photo);
    return [201, photo];
  }

  survey({ parameters: [number] }) {
    return [200, this.surveys.get(number)];
  }

  answer({ parameters: [number], body }) {
    const survey = this.surveys.get(number);
    if (survey.state === "answered" && !survey.changeable_until) throw new Refusal(410, "answered", "您已经评价过了。");
    if (survey.state === "expired") throw new Refusal(410, "expired", "这次评价已经截止。");
    const given = { words: null, reasons: [], ...JSON.parse(body) };
    this.surveys.set(number, { ...survey, ...given, state: "answered", changeable_until: "2199-01-01T18:00:00+08:00" });
    return [200, this.surveys.get(number)];
  }

  surveyPhoto({ parameters: [number] }) {
    const survey = this.surveys.get(number);
    this.surveys.set(number, { ...survey, photos: (survey.photos || 0) + 1 });
    return [204, undefined];
  }
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function send(response, status, answer) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(answer === undefined ? undefined : JSON.stringify(answer));
}

module.exports = { ApiServer, MATTERS, Refusal };
