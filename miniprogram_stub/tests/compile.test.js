// The mini program passes WeChat's own compiler, and that compiler finds what is broken.

const assert = require("node:assert/strict");
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const { templateProblems } = require("../tools/templates");

const HOME = path.join(__dirname, "..");

/** Runs the compiler in a process of its own, as its caches do not expect a second project. */
function compile(folder) {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(HOME, "tools", "compile.js"), folder], (failure, stdout, stderr) => {
      resolve({ passed: !failure, output: stdout + stderr });
    });
  });
}

/** Hands a copy of the project over in which one file has been changed. */
async function withChanged(file, change, check) {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "miniprogram-"));
  try {
    fs.cpSync(path.join(HOME, "miniprogram"), path.join(copy, "miniprogram"), { recursive: true });
    fs.copyFileSync(path.join(HOME, "project.config.json"), path.join(copy, "project.config.json"));
    const changed = path.join(copy, "miniprogram", file);
    fs.writeFileSync(changed, change(fs.readFileSync(changed, "utf8")));
    await check(copy);
  } finally {
    fs.rmSync(copy, { recursive: true, force: true });
  }
}

function assertRefused(file, change) {
  return withChanged(file, change, async (copy) => {
    const { passed, output } = await compile(copy);
    assert.equal(passed, false, output);
    assert.ok(output.includes(file), output);
  });
}

// Two at a time: one compilation waits for its own worker process now and then.
describe("WeChat's own compiler", { concurrency: 2 }, () => {
  test("the mini program compiles", async () => {
    const { passed, output } = await compile(HOME);
    assert.ok(passed, output);
    assert.match(output, /compiled \d+ files/);
  });

  test("a script that cannot be read is refused", () =>
    assertRefused("pages/report/report.js", (text) => text.replace("Page({", "Page({{")));

  test("a page that is not there is refused", () =>
    assertRefused("app.json", (text) => text.replace("pages/rate/rate", "pages/rate/none")));

  test("a component that is not there is refused", () =>
    assertRefused("pages/case/case.json", (text) => text.replace("tdesign-miniprogram/steps/steps", "tdesign-miniprogram/steps/none")));
});

test("a template that cannot be read is refused, and the place of the mistake named", async () => {
  const broken = {
    "</picker>": /pages\/report\/report\.wxml:\d+:\d+: .*end tag/,
    "}}": /pages\/report\/report\.wxml:\d+:\d+: unexpected character inside expression/,
  };
  for (const [part, complaint] of Object.entries(broken)) {
    await withChanged("pages/report/report.wxml", (text) => text.replace(part, ""), (copy) => {
      assert.match(templateProblems(path.join(copy, "miniprogram")).join("\n"), complaint);
    });
  }
});
