// Loads the mini program's files the way WeChat does: templates into WeChat's own engine, scripts with nothing but WeChat's globals.

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { JSDOM } = require("jsdom");
const typescript = require("typescript");

// The engine draws on the window it finds when it is loaded.
const { window } = new JSDOM("<!doctype html><html><body></body></html>");
Object.assign(globalThis, { window, document: window.document });
const { MiniProgramEnv, glassEasel } = require("glass-easel-miniprogram-adapter");
const { TmplGroup } = require("glass-easel-template-compiler");

const ROOT = path.join(__dirname, "..", "miniprogram");
const APP = JSON.parse(fs.readFileSync(path.join(ROOT, "app.json"), "utf8"));

/** What a script may see. Names of browsers and of Node are given as undefined, because a phone does not have them. */
const SEEN = ["require", "module", "exports", "wx", "App", "Page", "Component", "Behavior", "getApp"];
const UNSEEN = ["window", "document", "fetch", "process", "Buffer", "XMLHttpRequest", "localStorage", "global", "globalThis"];

/** An exception inside the app must fail the test, not end in a log; so must a warning, except about the library's own templates. */
glassEasel.globalOptions.throwGlobalError = true;
glassEasel.addGlobalWarningListener((message, component) => {
  const file = typeof component === "string" ? component : component.is;
  if (!file.startsWith("miniprogram_npm/")) throw new Error(`${file}: ${message}`);
  return false;
});

function textOf(file) {
  return fs.readFileSync(path.join(ROOT, file), "utf8");
}

function endingWith(ending) {
  return fs
    .readdirSync(ROOT, { recursive: true })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => file.endsWith(ending));
}

/** Every template and every wxs script, compiled once for all phones. */
const templates = (() => {
  const group = new TmplGroup();
  for (const file of endingWith(".wxs")) group.addScript(file.slice(0, -".wxs".length), textOf(file));
  for (const file of endingWith(".wxml")) {
    const errors = group.addTmpl(file.slice(0, -".wxml".length), textOf(file)).filter(({ isError }) => isError);
    if (errors.length > 0) throw new Error(`${file}: ${errors.map(({ message }) => message).join(", ")}`);
  }
  // What the language of wxs scripts has instead of RegExp and Date.
  const globals = { getRegExp: (pattern, flags) => new RegExp(pattern, flags), getDate: (...parts) => new Date(...parts) };
  const groupList = new Function(...Object.keys(globals), `return ${group.getTmplGenObjectGroups()}`)(...Object.values(globals));
  group.free();
  return groupList;
})();

/** The path of a component that `from` names, without an ending: absolute, relative or in miniprogram_npm. */
function componentPath(reference, from) {
  if (reference.startsWith("/")) return reference.slice(1);
  const near = path.posix.join(path.posix.dirname(from), reference);
  return fs.existsSync(path.join(ROOT, `${near}.json`)) ? near : `miniprogram_npm/${reference}`;
}

/** The file that a require means; bare names are looked up in miniprogram_npm folders outwards. */
function scriptPath(reference, from) {
  const folder = path.posix.dirname(from);
  const bases = reference.startsWith(".") ? [path.posix.join(folder, reference)] : outwards(folder, reference);
  const found = bases.flatMap((base) => [base, `${base}.js`, `${base}/index.js`]).find(isScript);
  if (!found) throw new Error(`${from} requires "${reference}", which is not there`);
  return found;
}

function outwards(folder, name) {
  const parts = folder.split("/");
  return parts.map((_, at) => [...parts.slice(0, parts.length - at), "miniprogram_npm", name].join("/"));
}

function isScript(file) {
  return file.endsWith(".js") && fs.existsSync(path.join(ROOT, file));
}

/** Compiled scripts by file: every phone runs the same ones, each with its own globals. */
const scripts = new Map();

function script(file) {
  if (!scripts.has(file)) {
    scripts.set(file, vm.compileFunction(scriptText(file), [...SEEN, ...UNSEEN], { filename: path.join(ROOT, file) }));
  }
  return scripts.get(file);
}

/** Packages are written with import and export; WeChat's compiler turns these into require, and so do we. */
function scriptText(file) {
  const text = textOf(file);
  if (!file.startsWith("miniprogram_npm/")) return text;
  return typescript.transpileModule(text, { compilerOptions: { module: "CommonJS", target: "ES2020" } }).outputText;
}

/** One installed copy of the mini program: its own modules, its own components, one `wx`. */
class AppCode {
  /** @param {object} wx @param {object} config in place of what config.js exports */
  constructor(wx, config) {
    this.wx = wx;
    this.modules = new Map([["config.js", { exports: config }]]);
    this.defined = new Set();
    /** The engine's Page, Component and Behavior for the file that is being defined. */
    this.defining = null;
    this.app = null;
    const env = new MiniProgramEnv();
    this.space = env.createCodeSpace("", true);
    this.backend = env.associateBackend();
    this.runScript("app.js");
  }

  /** Defines a page or component together with all that it uses, then runs its script. */
  define(file) {
    if (this.defined.has(file)) return;
    this.defined.add(file);
    const config = JSON.parse(textOf(`${file}.json`));
    const using = { ...(config.component ? {} : APP.usingComponents), ...config.usingComponents };
    const usingComponents = Object.fromEntries(
      Object.entries(using).map(([tag, reference]) => [tag, `/${componentPath(reference, file)}`]),
    );
    for (const used of Object.values(usingComponents)) this.define(used.slice(1));
    this.space.addComponentStaticConfig(file, { ...config, usingComponents });
    this.space.addCompiledTemplate(file, { groupList: templates, content: templates[file] });
    this.space.componentEnv(file, (defining) => {
      this.defining = defining;
      this.runScript(`${file}.js`);
    });
  }

  runScript(file) {
    if (this.modules.has(file)) return this.modules.get(file).exports;
    const module = { exports: {} };
    this.modules.set(file, module);
    const seen = {
      require: (reference) => this.runScript(scriptPath(reference, file)),
      module,
      exports: module.exports,
      wx: this.wx,
      App: (definition) => (this.app = definition),
      getApp: () => this.app,
      // A shared module may call these for whichever file required it, so they ask which file that is.
      Page: (definition) => this.defining.Page(definition),
      Component: (definition) => this.defining.Component(definition),
      Behavior: (definition) => this.defining.Behavior(definition),
    };
    script(file)(...SEEN.map((name) => seen[name]));
    return module.exports;
  }
}

module.exports = { APP, AppCode, glassEasel };
