// My cases: newest first, more of them when the bottom is reached.

const api = require("../../api/index");
const { sentence } = require("../../api/errors");
const { spoken } = require("../../times");

/** @typedef {{ number: string, label: string, report: string, place: string, at: string }} Row */

Page({
  data: {
    rows: /** @type {Row[]} */ ([]),
    next: /** @type {string | null} */ (null),
    loaded: false,
    loading: false,
    problem: "",
  },

  /** Shown again after a case was opened or acted on: the first page is read afresh. */
  onShow() {
    return this.refresh();
  },

  async onPullDownRefresh() {
    await this.refresh();
    wx.stopPullDownRefresh();
  },

  onReachBottom() {
    if (this.data.next) return this.fetch(this.data.next);
  },

  refresh() {
    return this.fetch(null);
  },

  /** @param {string | null} before cursor of the page, null for the first */
  async fetch(before) {
    if (this.data.loading) return;
    this.setData({ loading: true, problem: "" });
    try {
      const page = await api.cases(before);
      const rows = page.cases.map(row);
      this.setData({ rows: before ? this.data.rows.concat(rows) : rows, next: page.next, loaded: true });
    } catch (failure) {
      this.setData({ problem: sentence(failure) });
    } finally {
      this.setData({ loading: false });
    }
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  open(event) {
    wx.navigateTo({ url: `/pages/case/case?number=${event.currentTarget.dataset.number}` });
  },

  report() {
    wx.switchTab({ url: "/pages/report/report" });
  },
});

/** @param {import("../../api/index").Case} of @returns {Row} */
function row(of) {
  return { number: of.number, label: of.status_label, report: of.report, place: of.place, at: spoken(of.created_at) };
}
