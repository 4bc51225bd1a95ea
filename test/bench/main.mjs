/**
 * `npm run bench`: measures what the README promises and says which figures are reached.
 * `npm run bench -- --json` prints one object; `npm run bench -- update trl` runs only those.
 * Each benchmark prints one JSON object.
 */
import { begin } from "../../src/bootstrap/begin.mjs";

const { root, python, afterSetup } = await begin();
const { join } = await import("node:path");
const { readings } = await import("./targets.mjs");
const { runCaptured, wasInterrupted } = await import("../../src/bootstrap/child.mjs");
const { beginStep } = await import("../../src/bootstrap/progress.mjs");
const { interruptedExit } = await import("../../src/bootstrap/setup-error.mjs");

const inPython = (/** @type {string} */ name) => [python, "-m", "averse_bench", name];
const inNode = (/** @type {string} */ name) => [
  process.execPath,
  "--import",
  "tsx",
  "--expose-gc",
  join("test", "bench", name),
];

/** One after the other: they measure time. @type {Readonly<Record<string, string[]>>} */
const benchmarks = {
  update: inPython("update"),
  step: inPython("step"),
  sampling: inPython("sampling"),
  launches: inPython("launches"),
  trl: inPython("trl"),
  trl_engine: inPython("trl_engine"),
  quickstart: [process.execPath, join("test", "bench", "quickstart.mjs")],
  reuse: [process.execPath, join("test", "bench", "reuse.mjs")],
  controller: inNode("controller.mjs"),
  sampler: inNode("sampler.mjs"),
  selection: [process.execPath, join("test", "bench", "selection.mjs")],
  memory: inNode("memory.mjs"),
  terminal: inNode("terminal.mjs"),
  start: inNode("start.mjs"),
  scale: [process.execPath, join("test", "bench", "scale.mjs")],
  plan: [process.execPath, join("test", "bench", "plan.mjs")],
  audit: inNode("audit.mjs"),
  web: inNode("web.mjs"),
  trackers: [process.execPath, join("test", "bench", "trackers.mjs")],
};

const words = process.argv.slice(2);
const json = words.includes("--json");
const chosen = words.filter((word) => !word.startsWith("--"));

const isChosen = (/** @type {string} */ name) => chosen.length === 0 || chosen.includes(name);

// dev: TRL's trainers need `requests`.
await afterSetup(isChosen("trackers") ? ["dev", "trackers"] : ["dev"], async () => {
  /** @type {Record<string, unknown>} */
  const results = {};
  let failed = false;
  for (const [name, argv] of Object.entries(benchmarks)) {
    if (wasInterrupted()) return interruptedExit;
    if (!isChosen(name)) continue;
    const result = await measure(name, argv);
    if (result === null) failed = true;
    else results[name] = result;
  }
  const table = readings(results);
  process.stdout.write(
    json ? `${JSON.stringify({ readings: table, results })}\n` : tableText(table),
  );
  return failed ? 1 : 0;
});

/**
 * @param {string} name
 * @param {string[]} argv
 * @returns {Promise<unknown>} null where it failed; its last words are on stderr then
 */
async function measure(name, argv) {
  const step = beginStep(`Measuring ${name}`);
  const { AVERSE_PYTHON: _, ...env } = process.env;
  const { code, lines, stdout } = await runCaptured(argv, {
    cwd: root,
    env: { ...env, PYTHONPATH: join(root, "python") },
    keepLines: 2000,
    onLine: (line) => {
      if (/^[A-Za-z]/.test(line)) step.detail(line.slice(0, 60));
    },
  });
  const result = code === 0 ? jsonOf(stdout.join("\n")) : null;
  if (result !== null) {
    step.done("done");
    return result;
  }
  step.failed();
  process.stderr.write(`${lines.slice(-40).join("\n")}\n`);
  return null;
}

/**
 * The object at the end of what a benchmark printed, over one line or many.
 *
 * @param {string} text
 * @returns {unknown} null where there is none
 */
function jsonOf(text) {
  try {
    return JSON.parse(text.slice(text.search(/^\{/m)));
  } catch {
    return null;
  }
}

/** @param {readonly import("./targets.mjs").Reading[]} table */
function tableText(table) {
  const rows = table.map(({ what, figure, target, reached, unit }) => [
    reached === null ? "?" : reached ? "✓" : "✗",
    what,
    figure === null ? "not measured" : `${Number(figure.toPrecision(3))}${unit && ` ${unit}`}`,
    target,
  ]);
  const all = [["", "figure", "measured", "target"], ...rows];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => (row[column] || "").length)),
  );
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] || 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
