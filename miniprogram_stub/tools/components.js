// Copies the TDesign components that the pages name, and all that these need, to miniprogram/miniprogram_npm.
//
// WeChat DevTools would copy the whole library (5.6 MB, where a package may hold 2 MB) and needs a hand on its menu.

const fs = require("node:fs");
const path = require("node:path");

const LIBRARY = "tdesign-miniprogram";
const HOME = path.join(__dirname, "..");
const APP = path.join(HOME, "miniprogram");
const SOURCE = path.join(HOME, "node_modules", LIBRARY, "miniprogram_dist");
const TARGET = path.join(APP, "miniprogram_npm", LIBRARY);

const KINDS = [".js", ".json", ".wxml", ".wxss"];

/** What one file of a kind names: a list of references, as written. */
const REFERENCES = {
  ".js": (text) => matches(text, /(?:\bfrom|\bimport)\s*["']([^"']+)["']/g),
  ".json": (text) => Object.values(JSON.parse(text).usingComponents || {}),
  ".wxml": (text) => matches(text, /<(?:import|include|wxs)\b[^>]*?\bsrc=["']([^"']+)["']/g),
  ".wxss": (text) => matches(text, /@import\s*["']([^"']+)["']/g),
  ".wxs": (text) => matches(text, /\brequire\(["']([^"']+)["']\)/g),
};

function matches(text, pattern) {
  return Array.from(text.matchAll(pattern), (match) => match[1]);
}

/** The library's components that the pages and components of the app name, as paths in the library without an ending. */
function namedByApp() {
  return filesBelow(APP)
    .filter((file) => file.endsWith(".json"))
    .flatMap((file) => Object.values(JSON.parse(fs.readFileSync(file, "utf8")).usingComponents || {}))
    .filter((name) => name.startsWith(`${LIBRARY}/`))
    .map((name) => name.slice(LIBRARY.length + 1));
}

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "miniprogram_npm")
    .flatMap((entry) => {
      const found = path.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(found) : [found];
    });
}

/** The files that a reference in `from` means: the four files of a component, a script, or an npm package of the library. */
function meant(reference, from) {
  const kind = path.extname(from);
  const base = path.normalize(path.join(path.dirname(from), reference));
  if (kind === ".json") return KINDS.map((ending) => base + ending);
  if (kind !== ".js") return [base];
  if (!reference.startsWith(".")) return [path.join("miniprogram_npm", reference, "index.js")];
  return [`${base}.js`, path.join(base, "index.js")];
}

function exists(file) {
  return fs.existsSync(path.join(SOURCE, file)) && fs.statSync(path.join(SOURCE, file)).isFile();
}

/** Every file that is reached from the named components. */
function closure(components) {
  const reached = new Set();
  const open = components.flatMap((name) => KINDS.map((ending) => name + ending));
  while (open.length > 0) {
    const file = open.pop();
    if (reached.has(file) || !exists(file)) continue;
    reached.add(file);
    const text = fs.readFileSync(path.join(SOURCE, file), "utf8");
    const references = REFERENCES[path.extname(file)];
    open.push(...references(text).flatMap((reference) => meant(reference, file)));
  }
  return [...reached].sort();
}

function copy(files) {
  fs.rmSync(TARGET, { recursive: true, force: true });
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(TARGET, file)), { recursive: true });
    fs.copyFileSync(path.join(SOURCE, file), path.join(TARGET, file));
  }
}

const named = namedByApp();
const missing = named.filter((name) => !exists(`${name}.json`));
if (missing.length > 0) throw new Error(`${LIBRARY} has no component ${missing.join(", ")}`);
const files = closure(named);
copy(files);
console.log(`${LIBRARY}: ${new Set(named).size} components named, ${files.length} files copied`);
