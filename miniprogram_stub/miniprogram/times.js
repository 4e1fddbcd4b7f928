// Times as people say them. The API sends 2026-11-21T18:30:00+08:00, which is Chinese time already.

/**
 * @param {string | null} at ISO 8601 with the offset +08:00
 * @returns {string} 11月21日 18:30; "" for no time
 */
function spoken(at) {
  const parts = /^\d{4}-(\d{2})-(\d{2})T(\d{2}:\d{2})/.exec(at || "");
  // The text is cut, not computed: a phone set to another time zone must still show Chinese time.
  return parts ? `${Number(parts[1])}月${Number(parts[2])}日 ${parts[3]}` : "";
}

module.exports = { spoken };
