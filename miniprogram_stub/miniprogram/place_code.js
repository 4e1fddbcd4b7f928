// Finds the place in what a scanned code hands over.

/**
 * A mini program code hands over `scene`; an ordinary link code hands over `q`, the whole link, encoded once.
 * In a link the place is its `scene` parameter, or else the last part of its path.
 * @param {{ scene?: string, q?: string }} query of the page
 * @returns {string} the scene, "" when nothing was scanned
 */
function sceneOf(query) {
  if (query.scene) return decoded(query.scene);
  return query.q ? sceneOfLink(decoded(query.q)) : "";
}

/**
 * @param {string} link
 * @returns {string}
 */
function sceneOfLink(link) {
  const [address, parameters = ""] = link.split("#")[0].split("?");
  const named = parameters.split("&").find((pair) => pair.startsWith("scene="));
  if (named) return decoded(named.slice("scene=".length));
  return decoded(address.replace(/^[a-z]+:\/\/[^/]*/i, "").split("/").filter(Boolean).pop() || "");
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

module.exports = { sceneOf, sceneOfLink };
