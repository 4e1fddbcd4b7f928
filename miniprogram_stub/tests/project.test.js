// What neither the compiler nor the type check looks at: names of tags and handlers, declarations, the lock file.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");

const HOME = path.join(__dirname, "..");
const ROOT = path.join(HOME, "miniprogram");

/** The tags of WeChat's own that the pages use. */
const BUILT_IN = new Set(["block", "button", "image", "input", "picker", "text", "textarea", "view"]);

const APP = JSON.parse(read("app.json"));
const TEMPLATES = fs
  .readdirSync(ROOT, { recursive: true })
  .filter((file) => file.endsWith(".wxml") && !file.startsWith("miniprogram_npm"));

function read(file) {
  return fs.readFileSync(path.join(ROOT, file), "utf8");
}

function besides(template, ending) {
  return read(template.replace(/\.wxml$/, ending));
}

test("every tag is WeChat's own or a component that the page names", () => {
  for (const template of TEMPLATES) {
    const named = Object.keys(JSON.parse(besides(template, ".json")).usingComponents);
    const used = new Set(Array.from(read(template).matchAll(/<([a-z][\w-]*)/g), (match) => match[1]));
    for (const tag of used) assert.ok(BUILT_IN.has(tag) || named.includes(tag), `${template}: <${tag}>`);
    for (const tag of named) assert.ok(used.has(tag), `${template} names <${tag}> and does not use it`);
  }
});

test("every handler that a template names is a method of its script", () => {
  for (const template of TEMPLATES) {
    const handlers = Array.from(read(template).matchAll(/\b(?:bind|catch):?\w+="(\w+)"/g), (match) => match[1]);
    const script = besides(template, ".js");
    for (const handler of handlers) assert.match(script, new RegExp(`^\\s+(async )?${handler}\\(`, "m"), `${template}: ${handler}`);
  }
});

test("every private thing that is used is declared, and nothing else is", () => {
  const scripts = TEMPLATES.map((template) => besides(template, ".js")).join("\n");
  const declarable = ["chooseAddress", "chooseLocation", "choosePoi", "getFuzzyLocation", "getLocation", "onLocationChange"];
  const used = declarable.filter((name) => scripts.includes(`wx.${name}(`));
  assert.deepEqual(APP.requiredPrivateInfos, used);
  assert.ok(APP.permission["scope.userLocation"].desc);
});

test("a page that uses private things holds the consent", () => {
  for (const page of APP.pages) {
    const asks = /<photo-picker|bind:tap="locate"/.test(read(`${page}.wxml`));
    assert.equal(read(`${page}.wxml`).includes("<privacy-consent"), asks, page);
  }
});

test("the lock file names no registry and pins every tool", () => {
  const lock = JSON.parse(fs.readFileSync(path.join(HOME, "package-lock.json"), "utf8"));
  for (const [name, entry] of Object.entries(lock.packages)) assert.equal(entry.resolved, undefined, name);
  const { dependencies, devDependencies } = JSON.parse(fs.readFileSync(path.join(HOME, "package.json"), "utf8"));
  for (const version of Object.values({ ...dependencies, ...devDependencies })) assert.match(version, /^\d+\.\d+\.\d+$/);
});
