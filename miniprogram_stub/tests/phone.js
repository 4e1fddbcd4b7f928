// A resident's phone with the mini program on it: opens pages, taps, types, and says what is to be read on the screen.

const { APP, AppCode, glassEasel } = require("./app_code");
const { Platform } = require("./wx");

const { ElementIterator } = glassEasel;

class Phone {
  /**
   * @param {string} origin of the API
   * @param {string} name that tells this resident's logins from others'
   */
  constructor(origin, name = "resident") {
    this.origin = origin;
    this.name = name;
    this.files = new Map();
    this.offline = false;
    this.tapping = false;
    this.agreed = new Set();
    this.stack = [];
    this.platform = new Platform(this);
    this.start();
  }

  /** Starts the mini program with empty memory; storage and files stay. */
  start() {
    while (this.stack.length > 0) this.leave();
    this.code = new AppCode(this.platform.wx, { API_ORIGIN: this.origin, ACCOUNT: "" });
    this.code.app.onLaunch({ scene: 1047, query: {} });
  }

  get page() {
    return this.stack.at(-1);
  }

  /** Opens a page as WeChat does after a scan or a tap on a message, and waits until all is quiet.
   * @param {string} url such as pages/case/case?number=1 */
  async open(url) {
    while (this.stack.length > 0) this.leave();
    this.enter(url);
    await this.settle();
  }

  async back() {
    this.leave();
    this.appear();
    await this.settle();
  }

  /** What wx.navigateTo and its kind do, with their rules about tab pages. */
  navigate(way, url) {
    const [path, query] = url.replace(/^\//, "").split("?");
    const isTab = APP.tabBar.list.some(({ pagePath }) => pagePath === path);
    if (isTab !== (way === "switchTab")) throw new Error(`${way}:fail can not open ${url}`);
    if (isTab && query) throw new Error("switchTab:fail a tab page takes no query");
    if (way !== "navigateTo") this.leave();
    this.enter(url);
  }

  enter(url) {
    const [path, query = ""] = url.replace(/^\//, "").split("?");
    if (!APP.pages.includes(path)) throw new Error(`page "${path}" is not in app.json`);
    this.code.define(path);
    const root = this.code.backend.createRoot("page", this.code.space, path);
    const place = document.body.appendChild(document.createElement("div"));
    root.attach(document.body, place);
    this.stack.push({ path, url, root });
    // WeChat hands parameters over as they stand in the address; decoding them is left to the page.
    root.get().onLoad?.(Object.fromEntries(query.split("&").filter(Boolean).map((pair) => pair.split(/=(.*)/s).slice(0, 2))));
    this.appear();
  }

  appear() {
    this.page.root.get().onShow?.();
    this.page.root.getComponent().triggerPageLifetime("show", []);
  }

  leave() {
    const { root } = this.stack.pop();
    root.get().onUnload?.();
    const drawn = root.getComponent().getBackendElement();
    root.release();
    drawn.parentNode?.removeChild(drawn);
  }

  /** Waits until no call is under way and nothing more follows from the last one. */
  async settle() {
    for (let quiet = 0; quiet < 5; quiet = this.platform.pending === 0 ? quiet + 1 : 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** @param {string} id of an element on the page in front, inside components too */
  find(id) {
    return this.elements().find((element) => element.id === id);
  }

  elements() {
    return [...new ElementIterator(this.page.root.getComponent(), "composed-descendants-root-first")];
  }

  has(id) {
    return this.find(id) !== undefined;
  }

  /** The element, or an error that shows the screen. */
  need(id) {
    const element = this.find(id);
    if (!element) throw new Error(`no #${id} on the screen: ${this.text()}`);
    return element;
  }

  /** A tap with a finger; a disabled button does not feel it. */
  async tap(id) {
    const element = this.need(id);
    if (!isDisabled(element)) this.touch(element);
    await this.settle();
  }

  /** Two taps so close together that the phone has not yet drawn what the first one changed. */
  async tapTwice(id) {
    const element = this.need(id);
    if (isDisabled(element)) throw new Error(`#${id} is disabled`);
    this.touch(element);
    this.touch(element);
    await this.settle();
  }

  touch(element) {
    // Read before the tap, which may take the element off the screen.
    const opens = element.getBackendElement()?.getAttribute("open-type");
    this.tapping = true;
    try {
      this.dispatch(element, "tap", {});
      if (opens === "agreePrivacyAuthorization") this.consent(element);
    } finally {
      this.tapping = false;
    }
  }

  consent(element) {
    this.agreed.add(element.id);
    this.dispatch(element, "agreeprivacyauthorization", {});
  }

  /** A field shows what is typed by itself; the page only hears of it. */
  async type(id, value) {
    this.need(id).getBackendElement().setAttribute("value", value);
    this.dispatch(this.need(id), "input", { value });
    await this.settle();
  }

  async pick(id, index) {
    this.dispatch(this.need(id), "change", { value: String(index) });
    await this.settle();
  }

  async reachBottom() {
    this.page.root.get().onReachBottom();
    await this.settle();
  }

  async pullDown() {
    this.page.root.get().onPullDownRefresh();
    await this.settle();
  }

  dispatch(element, name, detail) {
    glassEasel.triggerEvent(element, name, detail, { bubbles: true, composed: true });
  }

  /** What is to be read on the page in front, one space between its pieces. */
  text() {
    const walker = document.createTreeWalker(this.page.root.getComponent().getBackendElement(), window.NodeFilter.SHOW_TEXT);
    const pieces = [];
    while (walker.nextNode()) pieces.push(walker.currentNode.data);
    return pieces.join(" ").replace(/\s+/g, " ").trim();
  }

  /** The value that a field shows. */
  value(id) {
    return this.need(id).getBackendElement().getAttribute("value") || "";
  }

  /** A photo in the phone's album, to be handed over by the next wx.chooseMedia. */
  photograph(path) {
    this.files.set(path, Buffer.from(`photo ${path}`));
    this.platform.chosen.push(path);
  }
}

function isDisabled(element) {
  return element.getBackendElement().hasAttribute("disabled");
}

module.exports = { Phone };
