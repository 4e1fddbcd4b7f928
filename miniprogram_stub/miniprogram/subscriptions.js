// One-time subscriptions: WeChat lets us send one message for each "允许", and asks only inside a tap.

const api = require("./api/index");

/** @type {string[]} */
let templateIds = [];

/** Fetches what to ask for. Pages call it when they open, because a tap may not wait for the network before it asks. */
async function prepare() {
  try {
    templateIds = (await api.templates()).template_ids;
  } catch (failure) {
    // Without the ids nothing is asked; reporting must not hang on it.
    console.warn("template ids not available", failure);
  }
}

/**
 * Asks the resident. Must be called first thing inside a tap handler. Never fails: a refusal is a fine answer.
 * @returns {Promise<object>} template id → accept | reject | ban | filter; empty when nothing was asked
 */
function ask() {
  if (templateIds.length === 0) return Promise.resolve({});
  return new Promise((resolve) => {
    wx.requestSubscribeMessage({
      tmplIds: templateIds,
      success: ({ errMsg, ...accepted }) => resolve(accepted),
      fail: () => resolve({}),
    });
  });
}

/**
 * Tells the API what was answered. A failure costs one message, never the report, so it is only logged.
 * @param {object} accepted
 */
async function keep(accepted) {
  if (Object.keys(accepted).length === 0) return;
  await api.keepSubscriptions(accepted).catch((failure) => console.warn("subscriptions not kept", failure));
}

module.exports = { prepare, ask, keep };
