// Rate: was it solved, how satisfied; why not, words and photos if one likes. Within a day one may change one's mind.

const api = require("../../api/index");
const { ApiError, sentence } = require("../../api/errors");
const { spoken } = require("../../times");

/** The five steps of the API's `satisfaction`, best first. */
const GRADES = [
  { value: 5, label: "很满意" },
  { value: 4, label: "满意" },
  { value: 3, label: "一般" },
  { value: 2, label: "不满意" },
  { value: 1, label: "很不满意" },
];

/** Whether an answer says that something was not good.
 * @param {{ solved: boolean | null, satisfaction: number }} answer */
const isBad = ({ solved, satisfaction }) => solved === false || (satisfaction > 0 && satisfaction <= 2);

Page({
  data: {
    number: "",
    grades: GRADES,
    survey: /** @type {import("../../api/index").Survey | null} */ (null),
    answerable: false,
    gradeLabel: "",
    solved: /** @type {boolean | null} */ (null),
    satisfaction: 0,
    choices: /** @type {{ words: string, ticked: boolean }[]} */ ([]),
    asksWhy: false,
    thanks: false,
    photos: /** @type {string[]} */ ([]),
    changeable: "",
    complained: false,
    sending: false,
    problem: "",
  },

  /** What has been written. It is not in `data`: to draw every letter again would move the cursor. */
  words: "",

  /** True from the tap until the answer, so that a second tap does nothing. */
  busy: false,

  /** @param {{ number?: string }} query */
  onLoad(query) {
    this.setData({ number: query.number || "" });
    return this.refresh();
  },

  async refresh() {
    this.setData({ problem: "" });
    try {
      this.show(await api.survey(this.data.number));
    } catch (failure) {
      this.setData({ problem: sentence(failure) });
    }
  },

  /** @param {import("../../api/index").Survey} survey */
  show(survey) {
    const grade = GRADES.find(({ value }) => value === survey.satisfaction);
    const answerable = survey.state !== "answered" && survey.state !== "expired";
    const choices = survey.choices.map((words) => ({ words, ticked: survey.reasons.includes(words) }));
    const until = survey.state === "answered" && survey.changeable_until;
    const changeable = until && Date.parse(until) > Date.now() ? spoken(until) : "";
    this.setData({ survey, answerable, choices, changeable, gradeLabel: grade ? grade.label : "" });
  },

  /** The form again, as it was answered. */
  change() {
    const { survey } = this.data;
    if (!survey) return;
    this.words = survey.words || "";
    const given = { solved: survey.solved, satisfaction: survey.satisfaction || 0 };
    const complained = isBad(given) && this.words !== "";
    this.setData({ ...given, complained, answerable: true, asksWhy: isBad(given), problem: "" });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  chooseSolved(event) {
    const { solved } = event.currentTarget.dataset;
    this.setData({ solved, asksWhy: isBad({ solved, satisfaction: this.data.satisfaction }), problem: "" });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  chooseGrade(event) {
    const satisfaction = event.currentTarget.dataset.value;
    this.setData({ satisfaction, asksWhy: isBad({ solved: this.data.solved, satisfaction }), problem: "" });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  tick(event) {
    const { words } = event.currentTarget.dataset;
    const turned = this.data.choices.map((one) => (one.words === words ? { words, ticked: !one.ticked } : one));
    this.setData({ choices: turned, problem: "" });
  },

  /** Thanks are said once, and not taken back by another answer. */
  turnThanks() {
    this.setData({ thanks: !this.data.thanks, problem: "" });
  },

  /** @param {WechatMiniprogram.CustomEvent<{ photos: string[] }>} event */
  changePhotos(event) {
    this.setData({ photos: event.detail.photos, problem: "" });
  },

  /** @param {WechatMiniprogram.CustomEvent<{ reason: string }>} event */
  photosRefused(event) {
    if (event.detail.reason.includes("cancel")) return;
    this.setData({ problem: "照片没有选上，请再试一次。" });
  },

  /** @param {WechatMiniprogram.Input} event */
  type(event) {
    this.words = event.detail.value;
  },

  async submit() {
    if (this.busy) return;
    const { number, solved, satisfaction, asksWhy, thanks } = this.data;
    if (solved === null) return this.setData({ problem: "请先点一下事情是不是解决了。" });
    if (solved && satisfaction === 0) return this.setData({ problem: "请再点一下您是不是满意。" });
    this.busy = true;
    this.setData({ sending: true, problem: "" });
    try {
      const reasons = asksWhy ? this.data.choices.filter(({ ticked }) => ticked).map(({ words }) => words) : [];
      const why = { ...(this.words && { words: this.words }), ...(reasons.length > 0 && { reasons }) };
      const given = { ...(satisfaction > 0 && { satisfaction }), ...why, ...(thanks && { thanks }) };
      const answered = await api.answer(number, { solved, ...given });
      await this.sendPhotos();
      this.setData({ thanks: false });
      this.show(answered);
    } catch (failure) {
      await this.fail(failure);
    } finally {
      this.busy = false;
      this.setData({ sending: false });
    }
  },

  /** The answer stands already; each photo that has arrived is dropped here, so that a repeat sends only the rest. */
  async sendPhotos() {
    while (this.data.photos.length > 0) {
      await api.addSurveyPhoto(this.data.number, this.data.photos[0]);
      this.setData({ photos: this.data.photos.slice(1) });
    }
  },

  /** 410 says that it was answered elsewhere or that its time is over: show that instead of the form.
   * @param {unknown} failure */
  async fail(failure) {
    if (failure instanceof ApiError && failure.status === 410) await this.refresh();
    this.setData({ problem: sentence(failure) });
  },

  openCase() {
    wx.redirectTo({ url: `/pages/case/case?number=${this.data.number}` });
  },
});
