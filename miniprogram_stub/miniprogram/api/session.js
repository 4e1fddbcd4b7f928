// The resident's token: asked for with wx.login, kept in storage, renewed when it has ended.

const { API_ORIGIN, ACCOUNT } = require("../config");
const { ApiError, offline, refusal } = require("./errors");

const KEPT_UNDER = "session";

/** @type {Promise<string> | null} */
let loggingIn = null;

/**
 * The kept token, or a fresh one when there is none.
 * @returns {Promise<string>}
 * @throws {ApiError}
 */
async function token() {
  const kept = wx.getStorageSync(KEPT_UNDER);
  return kept ? kept.token : login();
}

/**
 * A token other than the refused one. Requests refused together share one login.
 * @param {string} refused
 * @returns {Promise<string>}
 */
async function renew(refused) {
  const kept = wx.getStorageSync(KEPT_UNDER);
  if (kept && kept.token !== refused) return kept.token;
  wx.removeStorageSync(KEPT_UNDER);
  return login();
}

/** @returns {Promise<string>} */
function login() {
  if (!loggingIn) {
    loggingIn = exchange().finally(() => {
      loggingIn = null;
    });
  }
  return loggingIn;
}

/** @returns {Promise<string>} */
async function exchange() {
  const answer = await post(ACCOUNT ? { account: ACCOUNT, code: await code() } : { code: await code() });
  if (answer.statusCode !== 200) throw refusal(answer.statusCode, answer.data);
  wx.setStorageSync(KEPT_UNDER, answer.data);
  return answer.data.token;
}

/** @returns {Promise<string>} the one-time code of wx.login, good for five minutes and one exchange */
function code() {
  return new Promise((resolve, reject) => {
    wx.login({
      success: (answer) => resolve(answer.code),
      fail: () => reject(new ApiError(0, "login", "微信登录没有成功，请稍后再试一次。")),
    });
  });
}

/**
 * @param {object} body
 * @returns {Promise<{ statusCode: number, data: any }>}
 */
function post(body) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: `${API_ORIGIN}/api/v1/login`,
      method: "POST",
      data: body,
      success: resolve,
      fail: () => reject(offline()),
    });
  });
}

module.exports = { token, renew };
