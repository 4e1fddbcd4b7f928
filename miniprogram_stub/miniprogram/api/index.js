// Every call of /api/v1 that the pages use, one line each; the shapes are those of the API's own description.

const { API_ORIGIN } = require("../config");
const { call, read, upload } = require("./http");

/** @typedef {{ scene: string, name: string, path: string }} Place */
/** @typedef {{ same: string, words: string }} Matter */
/** @typedef {{ at: string, label: string, note: string, who: string }} Step */
/** @typedef {{ id: string, url: string }} Photo */
/** @typedef {{ action: string, label: string, needs_note: boolean }} Offer */
/**
 * @typedef {object} Case
 * @property {string} number
 * @property {string} status
 * @property {string} status_label
 * @property {number} round
 * @property {string} report
 * @property {string} place
 * @property {string} created_at
 * @property {string | null} due_at
 * @property {string} next
 * @property {Step[]} steps
 * @property {Photo[]} photos
 * @property {Offer[]} actions
 * @property {{ state: string } | null} survey
 */
/**
 * @typedef {object} Survey
 * @property {string} state
 * @property {boolean | null} solved
 * @property {number | null} satisfaction
 * @property {string | null} words
 * @property {string[]} reasons that were ticked
 * @property {string[]} choices that may be ticked
 * @property {string | null} changeable_until
 * @property {string} holds what becomes of the case now that a bad answer was changed into a good one; often empty
 */

module.exports = {
  /** @type {(scene: string) => Promise<Place>} */
  place: (scene) => read(`/place?scene=${encodeURIComponent(scene)}`),
  /** @type {() => Promise<{ places: Place[] }>} */
  places: () => call("GET", "/places"),
  /** @type {(scene: string) => Promise<{ matters: Matter[] }>} */
  matters: (scene) => call("GET", `/matters?scene=${encodeURIComponent(scene)}`),
  /** @type {() => Promise<{ template_ids: string[] }>} */
  templates: () => call("GET", "/templates"),
  /** @type {(accepted: object) => Promise<void>} */
  keepSubscriptions: (accepted) => call("POST", "/subscriptions", { accepted }),
  /** @type {(report: object) => Promise<Case>} */
  openCase: (report) => call("POST", "/cases", report),
  /** @type {(before: string | null) => Promise<{ cases: Case[], next: string | null }>} */
  cases: (before) => call("GET", before ? `/cases?before=${encodeURIComponent(before)}` : "/cases"),
  /** @type {(number: string) => Promise<Case>} */
  caseOf: (number) => call("GET", `/cases/${number}`),
  /** @type {(number: string, action: string, note: string) => Promise<Case>} */
  act: (number, action, note) => call("POST", `/cases/${number}/${action}`, note ? { note } : {}),
  /** @type {(number: string, filePath: string) => Promise<Photo>} */
  addPhoto: (number, filePath) => upload(`/cases/${number}/photos`, "photo", filePath),
  /** @type {(number: string) => Promise<Survey>} */
  survey: (number) => call("GET", `/cases/${number}/survey`),
  /** @type {(number: string, answer: object) => Promise<Survey>} */
  answer: (number, answer) => call("POST", `/cases/${number}/survey`, answer),
  /** @type {(number: string, filePath: string) => Promise<void>} */
  addSurveyPhoto: (number, filePath) => upload(`/cases/${number}/survey/photos`, "photo", filePath),
  /** @type {(path: string) => string} */
  addressOf: (path) => API_ORIGIN + path,
};
