// Compiles the mini program with WeChat's own compiler, off line: `node tools/compile.js [project folder]`.

const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const ci = require("miniprogram-ci");
const whiteList = require("miniprogram-ci/dist/utils/white_ext_list");
const { templateProblems } = require("./templates");

const HOME = path.join(__dirname, "..");

/** WeChat's limit for one package, in bytes; the compiler itself leaves it to the upload. */
const MOST_BYTES = 2 * 1024 * 1024;

/** The compiler asks for the key that signs uploads. Nothing is uploaded, so any key will do. */
function anyKey() {
  const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" });
}

// The compiler would ask WeChat which kinds of file a package may hold, and fall back on its own list after a warning.
whiteList.getWhiteExtList = async () => ({
  GameWhiteList: new Set(whiteList.GameWhiteList),
  MiniProgramWhiteList: new Set(whiteList.MiniProgramWhiteList),
});

function projectAt(folder) {
  const { appid } = JSON.parse(fs.readFileSync(path.join(folder, "project.config.json"), "utf8"));
  const project = new ci.Project({ appid, type: "miniProgram", projectPath: folder, privateKey: anyKey() });
  // The one thing that the compiler fetches from WeChat: what this account may do. The library's own defaults serve here.
  project.attr = async () => ci.DefaultProjectAttr;
  return project;
}

/**
 * @param {string} folder that holds project.config.json
 * @returns {Promise<Record<string, string | Buffer>>} the compiled files by path
 * @throws what the compiler found: code, file and line
 */
async function compile(folder) {
  const problems = templateProblems(path.join(folder, "miniprogram"));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const files = await ci.getCompiledResult({
    project: projectAt(folder),
    version: "0.0.0",
    desc: "check",
    // Templates and styles are read only when they are made smaller; scripts are read in any case.
    setting: { es6: true, minifyWXML: true, minifyWXSS: true },
  });
  const bytes = size(files);
  if (bytes > MOST_BYTES) throw new Error(`the package has ${bytes} bytes, WeChat takes ${MOST_BYTES}`);
  return files;
}

function size(files) {
  return Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
}

async function main() {
  const files = await compile(path.resolve(process.argv[2] || HOME));
  console.log(`compiled ${Object.keys(files).length} files, ${size(files)} bytes`);
}

if (require.main === module) {
  main().then(
    () => process.exit(0),
    (failure) => {
      console.error(failure);
      process.exit(1);
    },
  );
}

module.exports = { compile };
