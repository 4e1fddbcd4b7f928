// What can go wrong between the mini program and the API, in words that the resident may read.

class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 when no answer came
   * @param {string} code the API's own word for it
   * @param {string} message a Chinese sentence
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @returns {ApiError} */
function offline() {
  return new ApiError(0, "offline", "网络不通，请稍后再试一次。");
}

/**
 * @param {number} status
 * @param {any} body `{error, message}` where the API itself answered, anything where something in between did
 * @returns {ApiError}
 */
function refusal(status, body) {
  const message = body && typeof body.message === "string" ? body.message : "系统正忙，请稍后再试一次。";
  return new ApiError(status, (body && body.error) || "unknown", message);
}

/**
 * @param {unknown} failure
 * @returns {string} the sentence to show
 */
function sentence(failure) {
  if (failure instanceof ApiError) return failure.message;
  console.error(failure);
  return "出了点问题，请稍后再试一次。";
}

module.exports = { ApiError, offline, refusal, sentence };
