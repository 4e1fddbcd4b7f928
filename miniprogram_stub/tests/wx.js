// A strict stand-in for `wx`: it refuses what WeChat refuses, answers later as WeChat does, and talks real HTTP.

const { APP } = require("./app_code");

const REQUEST_LIMIT = 10;
const SUBSCRIBE_LIMIT = 3;

/** Private APIs, with the words that the platform answers while there is no consent. */
const NO_CONSENT = "fail privacy permission is not authorized";

/** Facts about a phone that component libraries ask for when they are loaded. */
const PHONE_FACTS = {
  getAppBaseInfo: () => ({ SDKVersion: "3.3.0", language: "zh_CN", theme: "light" }),
  getDeviceInfo: () => ({ platform: "android", system: "Android 13", brand: "" }),
  getWindowInfo: () => ({ screenWidth: 375, windowWidth: 375, windowHeight: 700, pixelRatio: 2 }),
  getUpdateManager: () => ({ onUpdateReady() {}, applyUpdate() {} }),
};

class Platform {
  /** @param {object} phone that opens pages, holds files and knows whether a finger is on the glass */
  constructor(phone) {
    this.phone = phone;
    this.storage = new Map();
    this.pending = 0;
    this.underWay = 0;
    this.logins = 0;
    this.consented = false;
    this.subscribeAnswer = "accept";
    this.scanResult = null;
    this.chosen = [];
    this.askedToSubscribe = [];
    this.previewed = [];
    this.privacyListener = null;
    this.wx = this.strict({ ...PHONE_FACTS, ...this.apis() });
  }

  /** Anything that is not simulated is an error with its name. */
  strict(apis) {
    return new Proxy(apis, {
      get(target, name) {
        if (name in target) return target[name];
        throw new Error(`wx.${String(name)} is not simulated`);
      },
    });
  }

  apis() {
    return {
      getStorageSync: (key) => (this.storage.has(key) ? JSON.parse(this.storage.get(key)) : ""),
      setStorageSync: (key, value) => void this.storage.set(key, JSON.stringify(value)),
      removeStorageSync: (key) => void this.storage.delete(key),
      getFileSystemManager: () => ({ accessSync: (path) => this.access(path) }),
      login: (options) => this.answer("login", options, () => ({ code: `code-${++this.logins}-of-${this.phone.name}` })),
      request: (options) => this.overNetwork("request", options, () => this.request(options)),
      uploadFile: (options) => this.overNetwork("uploadFile", options, () => this.uploadFile(options)),
      chooseMedia: (options) => this.privately("chooseMedia", options, () => this.chooseMedia(options)),
      getLocation: (options) => this.privately("getLocation", options, () => this.getLocation(options)),
      requestSubscribeMessage: (options) => this.requestSubscribeMessage(options),
      onNeedPrivacyAuthorization: (listener) => void (this.privacyListener = listener),
      getPrivacySetting: (options) =>
        this.answer("getPrivacySetting", options, () => ({ needAuthorization: !this.consented, privacyContractName: "《居民诉求隐私保护指引》" })),
      openPrivacyContract: (options) => this.answer("openPrivacyContract", options, () => ({})),
      scanCode: (options) => this.answer("scanCode", options, () => this.scanned()),
      previewImage: (options) => void this.previewed.push(options),
      showModal: (options) => this.answer("showModal", options, () => ({ confirm: true })),
      stopPullDownRefresh: () => {},
      navigateTo: ({ url }) => this.phone.navigate("navigateTo", url),
      redirectTo: ({ url }) => this.phone.navigate("redirectTo", url),
      switchTab: ({ url }) => this.phone.navigate("switchTab", url),
    };
  }

  /** Calls back in a later turn, as WeChat does; `produce` throws the text of a failure. */
  answer(api, options, produce) {
    this.pending += 1;
    setImmediate(async () => {
      try {
        this.succeed(api, options, await produce());
      } catch (failure) {
        this.fail(api, options, failure);
      } finally {
        this.pending -= 1;
      }
    });
  }

  succeed(api, options, values) {
    const result = { ...values, errMsg: `${api}:ok` };
    options.success?.(result);
    options.complete?.(result);
  }

  fail(api, options, failure) {
    if (typeof failure !== "string") throw failure;
    const result = { errMsg: `${api}:${failure}` };
    options.fail?.(result);
    options.complete?.(result);
  }

  overNetwork(api, options, produce) {
    if (++this.underWay > REQUEST_LIMIT) throw new Error(`more than ${REQUEST_LIMIT} requests at once`);
    const complete = options.complete;
    this.answer(api, { ...options, complete: (result) => (this.underWay--, complete?.(result)) }, produce);
  }

  async request({ url, method = "GET", data, header = {} }) {
    const body = data === undefined || method === "GET" ? undefined : JSON.stringify(data);
    const headers = { "content-type": "application/json", ...header };
    const { status, text } = await this.fetch(url, { method, headers, body });
    return { statusCode: status, data: parsed(text) };
  }

  async uploadFile({ url, name, filePath, header = {} }) {
    const form = new FormData();
    form.append(name, new Blob([this.phone.files.get(filePath)], { type: "image/jpeg" }), "photo.jpg");
    const { status, text } = await this.fetch(url, { method: "POST", headers: header, body: form });
    return { statusCode: status, data: text };
  }

  /** Every HTTP status is a success to `wx.request`; only a broken connection is a failure. */
  async fetch(url, init) {
    if (this.phone.offline) throw "fail network is not available";
    try {
      const answer = await fetch(url, init);
      return { status: answer.status, text: await answer.text() };
    } catch {
      throw "fail request failed";
    }
  }

  access(path) {
    if (!this.phone.files.has(path)) throw new Error(`accessSync:fail no such file or directory ${path}`);
  }

  chooseMedia({ count = 9, mediaType = ["image", "video"] }) {
    if (count < 1 || count > 20) throw "fail parameter error: count";
    if (!mediaType.includes("image")) throw "fail cancel";
    if (this.chosen.length === 0) throw "fail cancel";
    return { type: "image", tempFiles: this.chosen.splice(0, count).map((tempFilePath) => ({ tempFilePath, size: 1000, fileType: "image" })) };
  }

  getLocation({ type = "wgs84" }) {
    if (!APP.requiredPrivateInfos.includes("getLocation")) throw "fail the api need to be declared in the requiredPrivateInfos field in app.json";
    if (!APP.permission["scope.userLocation"].desc) throw "fail scope.userLocation has no desc";
    if (type !== "gcj02") throw "fail only gcj02 is expected here";
    return { latitude: 22.7, longitude: 114.35 };
  }

  scanned() {
    if (!this.scanResult) throw "fail cancel";
    return { scanType: "WX_CODE", charSet: "utf-8", rawData: "", result: "", ...this.scanResult };
  }

  /** Waits for the resident's consent where there is none yet; consent counts only after a tap on the platform's own button. */
  privately(api, options, produce) {
    if (this.consented) return this.answer(api, options, produce);
    if (!this.privacyListener) return this.answer(api, options, () => Promise.reject(NO_CONSENT));
    this.phone.agreed.clear();
    const resolve = ({ event, buttonId }) => {
      if (event === "exposureAuthorization") return;
      if (event === "agree" && !this.phone.agreed.has(buttonId)) throw new Error(`no tap on the consent button "${buttonId}"`);
      this.consented = event === "agree";
      this.answer(api, options, this.consented ? produce : () => Promise.reject(NO_CONSENT));
    };
    this.privacyListener(resolve, { referrer: api });
  }

  requestSubscribeMessage(options) {
    if (!this.phone.tapping) {
      return this.answer("requestSubscribeMessage", options, () => Promise.reject("fail can only be invoked by user TAP gesture."));
    }
    const { tmplIds } = options;
    if (tmplIds.length < 1 || tmplIds.length > SUBSCRIBE_LIMIT) throw new Error(`${tmplIds.length} template ids`);
    this.askedToSubscribe.push(tmplIds);
    this.answer("requestSubscribeMessage", options, () => Object.fromEntries(tmplIds.map((id) => [id, this.subscribeAnswer])));
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

module.exports = { Platform };
