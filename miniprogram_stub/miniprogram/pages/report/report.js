// Report: say what is wrong at a place, with photos, the location and a telephone number if one likes.

const api = require("../../api/index");
const { ApiError, sentence } = require("../../api/errors");
const drafts = require("../../draft");
const { sceneOf, sceneOfLink } = require("../../place_code");
const subscriptions = require("../../subscriptions");

Page({
  data: {
    draft: drafts.fresh(),
    place: /** @type {import("../../api/index").Place | null} */ (null),
    matters: /** @type {import("../../api/index").Matter[]} */ ([]),
    places: /** @type {import("../../api/index").Place[]} */ ([]),
    sending: false,
    problem: "",
  },

  /** What has been written so far. `data.draft` shows it, but lags behind while one types: to draw every letter again would move the cursor. */
  draft: drafts.fresh(),

  /** True from the tap until the answer. `data.sending` reaches the screen too late to stop a second tap. */
  busy: false,

  /** @param {{ scene?: string, q?: string }} query */
  onLoad(query) {
    const draft = drafts.read();
    this.setDraft({ ...draft, scene: sceneOf(query) || draft.scene });
    this.showPlace();
    subscriptions.prepare();
  },

  /** @param {import("../../draft").Draft} draft */
  setDraft(draft) {
    this.draft = draft;
    drafts.keep(draft);
    this.setData({ draft });
  },

  /** @param {object} change */
  changeDraft(change) {
    this.setDraft({ ...this.draft, ...change });
  },

  async showPlace() {
    const { scene } = this.draft;
    if (!scene) return this.offerPlaces();
    try {
      this.setData({ place: await api.place(scene), problem: "" });
      await this.offerMatters();
    } catch (failure) {
      this.setData({ place: null, matters: [], problem: sentence(failure) });
      await this.offerPlaces();
    }
  },

  async offerPlaces() {
    try {
      this.setData({ places: (await api.places()).places });
    } catch (failure) {
      // The report can be sent without a place, so this only goes to the log.
      console.warn("places not available", failure);
    }
  },

  /** @param {WechatMiniprogram.PickerChange} event */
  choosePlace(event) {
    const place = this.data.places[Number(event.detail.value)];
    this.changeDraft({ scene: place.scene });
    this.setData({ place, problem: "" });
    this.offerMatters();
  },

  /** What neighbours have reported there. What was chosen before is not: it stands for something for some hours only. */
  async offerMatters() {
    const { scene } = this.draft;
    this.changeDraft({ same: "" });
    try {
      const { matters } = await api.matters(scene);
      if (scene === this.draft.scene) this.setData({ matters });
    } catch (failure) {
      // The report can be sent as one of its own, so this only goes to the log.
      this.setData({ matters: [] });
      console.warn("matters not available", failure);
    }
  },

  /** Says the same as neighbours did, or, tapped again, does not.
   * @param {WechatMiniprogram.TouchEvent} event */
  chooseMatter(event) {
    const { same } = event.currentTarget.dataset;
    this.changeDraft({ same: this.draft.same === same ? "" : same });
  },

  scanPlace() {
    wx.scanCode({
      success: ({ path, result }) => {
        this.changeDraft({ scene: sceneOfLink(path || result) });
        this.showPlace();
      },
    });
  },

  /** @param {WechatMiniprogram.Input} event */
  type(event) {
    this.draft = { ...this.draft, [event.currentTarget.dataset.field]: event.detail.value };
    drafts.keep(this.draft);
  },

  /** @param {WechatMiniprogram.CustomEvent<{ photos: string[] }>} event */
  changePhotos(event) {
    this.changeDraft({ photos: event.detail.photos });
    this.setData({ problem: "" });
  },

  /** @param {WechatMiniprogram.CustomEvent<{ reason: string }>} event */
  photosRefused(event) {
    this.explain(event.detail.reason, "照片没有选上，请再试一次。");
  },

  locate() {
    wx.getLocation({
      type: "gcj02",
      success: ({ latitude, longitude }) => {
        this.changeDraft({ location: { latitude, longitude } });
        this.setData({ problem: "" });
      },
      fail: ({ errMsg }) => this.explain(errMsg, "没有取到您的位置，请检查手机的定位开关，或在文字里说明地点。"),
    });
  },

  forgetLocation() {
    this.changeDraft({ location: null });
  },

  /** Says why WeChat did not give a photo or the location; closing the album is no problem at all.
   * @param {string} reason @param {string} otherwise */
  explain(reason, otherwise) {
    if (reason.includes("cancel")) return;
    const refused = reason.includes("privacy") || reason.includes("auth deny");
    this.setData({ problem: refused ? "您没有同意，所以照片和位置暂时不能用。只写文字也可以反映。" : otherwise });
  },

  async submit() {
    if (this.busy) return;
    this.busy = true;
    // Asked before anything else: WeChat allows it only inside the tap itself.
    const answers = subscriptions.ask();
    this.setData({ sending: true, problem: "" });
    try {
      await this.send(await answers);
    } catch (failure) {
      this.setData({ problem: `${sentence(failure)}您写的内容还在，可以再点一次。` });
      const isRefused = failure instanceof ApiError && [404, 410].includes(failure.status);
      if (isRefused && this.draft.same) await this.offerMatters();
    } finally {
      this.busy = false;
      this.setData({ sending: false });
    }
  },

  /** @param {object} accepted */
  async send(accepted) {
    if (!this.draft.number) {
      const { number } = await api.openCase(this.wording());
      this.changeDraft({ number });
      await subscriptions.keep(accepted);
    }
    await this.sendPhotos();
    this.finish();
  },

  /** The report as the API takes it: what was left empty is left out. */
  wording() {
    const { key, report, scene, same, address, phone, location } = this.draft;
    const given = Object.entries({ report, scene, same, address, phone }).filter(([, value]) => value);
    return { key, ...Object.fromEntries(given), ...location };
  },

  /** One after another; each that has arrived leaves the draft, so that a repeat sends only the rest. */
  async sendPhotos() {
    while (this.draft.photos.length > 0) {
      const [next, ...rest] = this.draft.photos;
      await api.addPhoto(this.draft.number, next);
      this.changeDraft({ photos: rest });
    }
  },

  /** Leaves an empty form behind, for the same place, and opens the case. */
  finish() {
    const { number, scene } = this.draft;
    drafts.forget();
    this.setDraft({ ...drafts.fresh(), scene });
    if (scene) this.offerMatters();
    wx.navigateTo({ url: `/pages/case/case?number=${number}` });
  },
});
