/** Every check of `npm test`: what is run, and how its result is counted. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { venvPython } from "../../src/bootstrap/python-packages.mjs";

/**
 * @typedef {object} Count
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 */

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {"js" | "python"} lane suites of one lane follow each other, lanes run side by side
 * @property {readonly string[]} argv
 * @property {(code: number) => Count} count from the exit status and the files it wrote
 */

/**
 * @param {string} root
 * @param {string} scratch folder for result files
 * @param {number} cores
 * @returns {Suite[]}
 */
export function allSuites(root, scratch, cores) {
  const python = venvPython(root);
  const module = (/** @type {string} */ name) => join(root, "node_modules", ...name.split("/"));
  const node = process.execPath;
  const tsc = module("typescript/bin/tsc");
  const vitestResult = join(scratch, "vitest.json");
  const pytestResult = join(scratch, "pytest.xml");
  const faultsResult = join(scratch, "faults.json");
  /** @type {Suite} */
  const faults = {
    name: "faults, short form",
    lane: "python",
    argv: [node, join("test", "faults", "main.mjs"), "--short", "--result", faultsResult],
    count: (code) => counted(code, () => JSON.parse(readFileSync(faultsResult, "utf8"))),
  };
  return [
    check("types: src", "js", [node, tsc, "-p", "tsconfig.json", "--noEmit"]),
    check("types: test", "js", [node, tsc, "-p", join("test", "tsconfig.json"), "--noEmit"]),
    check("types: scripts of the web page", "js", [
      node,
      tsc,
      "-p",
      join("src", "web", "client", "tsconfig.json"),
    ]),
    check("biome", "js", [
      node,
      module("@biomejs/biome/bin/biome"),
      "check",
      "--error-on-warnings",
      ".",
    ]),
    {
      name: "vitest",
      lane: "js",
      // Most of its tests wait for other processes: beside the other lane, too, it takes every core.
      argv: [
        node,
        module("vitest/vitest.mjs"),
        "run",
        "--config",
        join("test", "vitest.config.ts"),
        `--maxWorkers=${cores}`,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${vitestResult}`,
      ],
      count: (code) => counted(code, () => countVitest(readFileSync(vitestResult, "utf8"))),
    },
    check("ruff check", "python", [python, "-m", "ruff", "check", "."]),
    check("ruff format", "python", [python, "-m", "ruff", "format", "--check", "."]),
    check("mypy", "python", [python, "-m", "mypy"]),
    {
      name: "pytest",
      lane: "python",
      argv: [python, "-m", "pytest", "-q", "--tb=short", `--junitxml=${pytestResult}`],
      count: (code) => counted(code, () => countPytest(readFileSync(pytestResult, "utf8"))),
    },
    // It reads what is left of processes from /proc.
    ...(process.platform === "linux" ? [faults] : []),
  ];
}

/**
 * A static check counts as one test.
 *
 * @param {string} name
 * @param {"js" | "python"} lane
 * @param {readonly string[]} argv
 * @returns {Suite}
 */
function check(name, lane, argv) {
  return {
    name,
    lane,
    argv,
    count: (code) => ({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }),
  };
}

/**
 * A suite that ends badly without a failed test (a file that cannot be loaded, a crash, no
 * result, no test at all) has failed all the same.
 *
 * @param {number} code
 * @param {() => Count} read
 * @returns {Count}
 */
export function counted(code, read) {
  /** @type {Count} */
  let count;
  try {
    count = read();
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const silent = count.failed === 0 && (code !== 0 || count.passed === 0);
  return silent ? { ...count, failed: 1 } : count;
}

/**
 * @param {string} json of vitest's JSON reporter
 * @returns {Count}
 */
export function countVitest(json) {
  const result = JSON.parse(json);
  const broken = result.testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
      file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + broken,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/**
 * @param {string} xml JUnit
 * @returns {Count}
 */
export function countPytest(xml) {
  const [suite] = /<testsuite\s[^>]*>/.exec(xml) || [""];
  const number = (/** @type {string} */ name) => {
    const match = new RegExp(`\\b${name}="(\\d+)"`).exec(suite);
    if (match === null) throw new Error(`no ${name} in ${suite}`);
    return Number(match[1]);
  };
  const failed = number("failures") + number("errors");
  const skipped = number("skipped");
  return { passed: number("tests") - failed - skipped, failed, skipped };
}
