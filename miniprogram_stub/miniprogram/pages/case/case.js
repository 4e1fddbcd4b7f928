// One case: where it stands, every step so far, and the actions that the API offers now.

const api = require("../../api/index");
const { ApiError, sentence } = require("../../api/errors");
const subscriptions = require("../../subscriptions");
const { spoken } = require("../../times");

/** @typedef {import("../../api/index").Case} Case */

/** The one action that also takes photos, by the API's own name. */
const ADD = "add";

/** What the way to the survey is called in each of its states. */
const SURVEY_LABELS = /** @type {Record<string, string>} */ ({
  due: "评一评这次办理",
  open: "评一评这次办理",
  answered: "看我的评价",
  expired: "评价已经截止",
});

Page({
  data: {
    number: "",
    shown: /** @type {ReturnType<typeof view> | null} */ (null),
    asked: /** @type {import("../../api/index").Offer | null} */ (null),
    takesPhotos: false,
    photos: /** @type {string[]} */ ([]),
    loading: false,
    sending: false,
    problem: "",
  },

  /** What has been written in the sheet. It is not in `data`: to draw every letter again would move the cursor. */
  note: "",

  /** True from the tap until the answer, so that a second tap does nothing. */
  busy: false,

  /** @param {{ number?: string }} query */
  onLoad(query) {
    this.setData({ number: query.number || "" });
    subscriptions.prepare();
  },

  onShow() {
    return this.refresh();
  },

  async onPullDownRefresh() {
    await this.refresh();
    wx.stopPullDownRefresh();
  },

  async refresh() {
    this.setData({ loading: true, problem: "" });
    try {
      this.show(await api.caseOf(this.data.number));
    } catch (failure) {
      this.setData({ problem: sentence(failure) });
    } finally {
      this.setData({ loading: false });
    }
  },

  /** @param {Case} of */
  show(of) {
    this.setData({ shown: view(of) });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  ask(event) {
    if (!this.data.shown) return;
    const asked = this.data.shown.actions[event.currentTarget.dataset.index];
    this.note = "";
    this.setData({ asked, takesPhotos: asked.action === ADD, photos: [], problem: "" });
  },

  cancel() {
    this.setData({ asked: null, problem: "" });
  },

  /** @param {WechatMiniprogram.Input} event */
  type(event) {
    this.note = event.detail.value;
  },

  /** @param {WechatMiniprogram.CustomEvent<{ photos: string[] }>} event */
  changePhotos(event) {
    this.setData({ photos: event.detail.photos, problem: "" });
  },

  /** @param {WechatMiniprogram.CustomEvent<{ reason: string }>} event */
  photosRefused(event) {
    const { reason } = event.detail;
    if (reason.includes("cancel")) return;
    this.setData({ problem: reason.includes("privacy") ? "您没有同意，所以照片暂时不能用。" : "照片没有选上，请再试一次。" });
  },

  async confirm() {
    if (this.busy || !this.data.asked) return;
    this.busy = true;
    // Asked before anything else: WeChat allows it only inside the tap itself.
    const answers = subscriptions.ask();
    this.setData({ sending: true, problem: "" });
    try {
      await subscriptions.keep(await answers);
      await this.act(this.data.asked.action);
      this.setData({ asked: null });
    } catch (failure) {
      await this.fail(failure);
    } finally {
      this.busy = false;
      this.setData({ sending: false });
    }
  },

  /** Photos come first, one after another; each that has arrived is dropped here, so that a repeat sends only the rest.
   * @param {string} action */
  async act(action) {
    const onlyPhotos = this.data.photos.length > 0 && !this.note;
    while (this.data.photos.length > 0) {
      await api.addPhoto(this.data.number, this.data.photos[0]);
      this.setData({ photos: this.data.photos.slice(1) });
    }
    if (onlyPhotos) return this.show(await api.caseOf(this.data.number));
    this.show(await api.act(this.data.number, action, this.note));
  },

  /** A conflict means that the case moved on meanwhile: show it as it is now. The words stay in the sheet in any case.
   * @param {unknown} failure */
  async fail(failure) {
    if (failure instanceof ApiError && failure.status === 409) await this.refresh();
    this.setData({ problem: sentence(failure) });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  look(event) {
    if (!this.data.shown) return;
    const urls = this.data.shown.photos.map((photo) => photo.address);
    wx.previewImage({ urls, current: urls[event.currentTarget.dataset.index] });
  },

  rate() {
    wx.navigateTo({ url: `/pages/rate/rate?number=${this.data.number}` });
  },
});

/** The case as the page shows it. @param {Case} of */
function view(of) {
  return {
    ...of,
    created: spoken(of.created_at),
    due: spoken(of.due_at),
    steps: of.steps.map((step, order) => ({ ...step, order, when: spoken(step.at) })),
    photos: of.photos.map((photo) => ({ ...photo, address: api.addressOf(photo.url) })),
    surveyLabel: of.survey ? SURVEY_LABELS[of.survey.state] || "" : "",
  };
}
