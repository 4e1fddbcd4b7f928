// One request to /api/v1: adds the token, renews it once when the server answers 401, and gives every failure one shape.

const { API_ORIGIN } = require("../config");
const session = require("./session");
const { ApiError, offline, refusal } = require("./errors");

/** @typedef {{ statusCode: number, data: any }} Answer */

/**
 * A JSON request that carries the resident's token.
 * @param {"GET" | "POST"} method
 * @param {string} path below /api/v1, starting with a slash
 * @param {object} [body]
 * @returns {Promise<any>} the parsed answer
 * @throws {ApiError} what the server refused, or status 0 when it could not be reached
 */
function call(method, path, body) {
  return withToken((token) => send(method, path, token, body));
}

/**
 * A JSON request for what anybody may read.
 * @param {string} path
 * @returns {Promise<any>}
 */
async function read(path) {
  return accepted(await send("GET", path, "", undefined));
}

/**
 * One file as multipart form data.
 * @param {string} path
 * @param {string} name of the form field
 * @param {string} filePath
 * @returns {Promise<any>}
 */
function upload(path, name, filePath) {
  return withToken((token) => sendFile(path, name, filePath, token));
}

/** @param {(token: string) => Promise<Answer>} attempt */
async function withToken(attempt) {
  const token = await session.token();
  const answer = await attempt(token);
  if (answer.statusCode !== 401) return accepted(answer);
  // The token ended early, for instance because the server's sessions were cleared. One renewal; a second 401 is an answer.
  return accepted(await attempt(await session.renew(token)));
}

/** @param {Answer} answer */
function accepted(answer) {
  if (answer.statusCode >= 200 && answer.statusCode < 300) return answer.data;
  throw refusal(answer.statusCode, answer.data);
}

/**
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {string} token
 * @param {object | undefined} body
 * @returns {Promise<Answer>}
 */
function send(method, path, token, body) {
  return new Promise((resolve, reject) => {
    wx.request({
      url: `${API_ORIGIN}/api/v1${path}`,
      method,
      header: token ? { Authorization: `Bearer ${token}` } : {},
      data: body,
      timeout: 20000,
      success: resolve,
      fail: () => reject(offline()),
    });
  });
}

/**
 * @param {string} path
 * @param {string} name
 * @param {string} filePath
 * @param {string} token
 * @returns {Promise<Answer>}
 */
function sendFile(path, name, filePath, token) {
  return new Promise((resolve, reject) => {
    wx.uploadFile({
      url: `${API_ORIGIN}/api/v1${path}`,
      name,
      filePath,
      header: { Authorization: `Bearer ${token}` },
      timeout: 60000,
      // The platform hands the body of an upload's answer over as text.
      success: (answer) => resolve({ statusCode: answer.statusCode, data: parsed(answer.data) }),
      fail: () => reject(offline()),
    });
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

module.exports = { ApiError, call, read, upload };
