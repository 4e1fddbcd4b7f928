// Rate: was it solved, how satisfied, and words if one likes.

const api = require("../../api/index");
const { ApiError, sentence } = require("../../api/errors");

/** The five steps of the API's `satisfaction`, best first. */
const GRADES = [
  { value: 5, label: "很满意" },
  { value: 4, label: "满意" },
  { value: 3, label: "一般" },
  { value: 2, label: "不满意" },
  { value: 1, label: "很不满意" },
];

Page({
  data: {
    number: "",
    grades: GRADES,
    survey: /** @type {import("../../api/index").Survey | null} */ (null),
    answerable: false,
    gradeLabel: "",
    solved: /** @type {boolean | null} */ (null),
    satisfaction: 0,
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
    this.setData({ survey, answerable, gradeLabel: grade ? grade.label : "" });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  chooseSolved(event) {
    this.setData({ solved: event.currentTarget.dataset.solved, problem: "" });
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  chooseGrade(event) {
    this.setData({ satisfaction: event.currentTarget.dataset.value, problem: "" });
  },

  /** @param {WechatMiniprogram.Input} event */
  type(event) {
    this.words = event.detail.value;
  },

  async submit() {
    if (this.busy) return;
    const { number, solved, satisfaction } = this.data;
    if (solved === null || satisfaction === 0) return this.setData({ problem: "请把上面两个问题都点一下。" });
    this.busy = true;
    this.setData({ sending: true, problem: "" });
    try {
      this.show(await api.answer(number, { solved, satisfaction, ...(this.words && { words: this.words }) }));
    } catch (failure) {
      await this.fail(failure);
    } finally {
      this.busy = false;
      this.setData({ sending: false });
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
