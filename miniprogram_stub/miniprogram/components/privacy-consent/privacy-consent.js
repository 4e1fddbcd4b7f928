// The consent that WeChat demands before photos or the location are touched; each page that uses them holds one of these.

/** @typedef {(answer: { event: string, buttonId?: string }) => void} Resolve */

/** What waits for the resident's answer, on whichever page it was asked: several private calls may wait at once.
 * @type {Resolve[]} */
let waiting = [];

Component({
  data: { shown: false, contractName: "《用户隐私保护指引》" },

  lifetimes: {
    attached() {
      this.listen();
    },
    detached() {
      this.settle({ event: "disagree" });
    },
  },
  pageLifetimes: {
    // WeChat keeps only the last listener, so the page in front must be the one that listens.
    show() {
      this.listen();
    },
  },

  methods: {
    listen() {
      // Older WeChat (base library below 2.32.3) asks nothing and knows nothing of this.
      if (!wx.onNeedPrivacyAuthorization) return;
      // The published types take the listener's argument for a result; WeChat hands over a function.
      wx.onNeedPrivacyAuthorization((resolve) => this.show(/** @type {Resolve} */ (/** @type {unknown} */ (resolve))));
    },

    /** @param {Resolve} resolve */
    show(resolve) {
      waiting.push(resolve);
      resolve({ event: "exposureAuthorization" });
      wx.getPrivacySetting({
        success: ({ privacyContractName }) => this.setData({ contractName: privacyContractName }),
        complete: () => this.setData({ shown: true }),
      });
    },

    /** Keeps the page behind from scrolling. */
    hold() {},

    openContract() {
      wx.openPrivacyContract({});
    },

    agree() {
      this.settle({ event: "agree", buttonId: "agree-btn" });
    },

    disagree() {
      this.settle({ event: "disagree" });
    },

    /** @param {{ event: string, buttonId?: string }} answer */
    settle(answer) {
      const answered = waiting;
      waiting = [];
      this.setData({ shown: false });
      answered.forEach((resolve) => resolve(answer));
    },
  },
});
