// Checks the templates with the compiler of WeChat's own engine, which also reads what stands between {{ and }}.

const fs = require("node:fs");
const path = require("node:path");
const { TmplGroup } = require("glass-easel-template-compiler");

/**
 * @param {string} root folder of the mini program
 * @returns {string[]} what is wrong, one line each: file, line, column, words; warnings count
 */
function templateProblems(root) {
  const files = fs.readdirSync(root, { recursive: true }).filter((file) => file.endsWith(".wxml"));
  return files.filter((file) => !file.startsWith("miniprogram_npm")).flatMap((file) => problemsOf(root, file));
}

function problemsOf(root, file) {
  const group = new TmplGroup();
  const found = group.addTmpl(file, fs.readFileSync(path.join(root, file), "utf8"));
  group.free();
  return found.map(({ message, startLine, startColumn }) => `${file}:${startLine + 1}:${startColumn + 1}: ${message}`);
}

module.exports = { templateProblems };
