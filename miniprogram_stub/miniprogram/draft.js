// The report as it is being written, kept on the phone until the server has it.

const KEPT_UNDER = "draft";

/**
 * @typedef {object} Draft
 * @property {string} key the same for every attempt to send this report, so that a repeat is not a second case
 * @property {string} scene of the place, "" when none is known
 * @property {string} same stands for what neighbours have reported and this one says too, "" for a matter of its own
 * @property {string} report
 * @property {string} address
 * @property {string} phone
 * @property {{ latitude: number, longitude: number } | null} location GCJ-02, as WeChat's maps use
 * @property {string[]} photos paths of temporary files
 * @property {string} number of the case once it is open while photos are still to be sent
 */

/** @returns {Draft} */
function fresh() {
  return { key: newKey(), scene: "", same: "", report: "", address: "", phone: "", location: null, photos: [], number: "" };
}

/** @returns {Draft} what was kept, or a fresh one */
function read() {
  const kept = wx.getStorageSync(KEPT_UNDER);
  if (!kept) return fresh();
  const photos = kept.photos.filter(exists);
  // The case is open, and the photos that were still to be sent are gone: nothing of this report is left to do.
  if (kept.number && photos.length === 0) return { ...fresh(), scene: kept.scene };
  return { ...kept, photos };
}

/** @param {Draft} draft */
function keep(draft) {
  wx.setStorageSync(KEPT_UNDER, draft);
}

function forget() {
  wx.removeStorageSync(KEPT_UNDER);
}

/** WeChat clears temporary files when the mini program has ended, so a kept path may lead nowhere.
 * @param {string} path */
function exists(path) {
  try {
    wx.getFileSystemManager().accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string} unique enough to tell one report of a phone from the next */
function newKey() {
  const chance = () => Math.random().toString(36).slice(2, 12);
  return `mp-${Date.now().toString(36)}-${chance()}${chance()}`;
}

module.exports = { fresh, read, keep, forget };
