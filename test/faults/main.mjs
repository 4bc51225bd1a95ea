/**
 * The fault suite: runs are killed and stopped at many points, taken up again, and compared with
 * the undisturbed run, bit for bit.
 *
 *   node test/faults/main.mjs [--short] [--keep] [--jobs N] [--program FILE] [--result FILE] [WORD …]
 *
 * Words choose the points and checks whose names hold one of them. `--keep` leaves the folders of
 * those that fail; `--result` gets the counts as JSON. Needs Linux, and a built program.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checks } from "./checks.mjs";
import { isFake, root } from "./experiment.mjs";
import { points } from "./points.mjs";
import { endAll } from "./processes.mjs";
import { strike, undisturbed } from "./strike.mjs";

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    jobs: { type: "string", default: String(Math.min(4, availableParallelism())) },
    program: { type: "string", default: join(root, "dist", "main.js") },
    result: { type: "string" },
  },
});

/**
 * @typedef {object} Task
 * @property {string} name
 * @property {"point" | "check"} kind
 * @property {boolean} alone nothing else runs beside it
 * @property {number} weight time it takes, 1: as a run of the fake engine
 * @property {(folder: string) => Promise<{ problems: string[], skipped?: string }>} perform
 */

if (process.platform !== "linux") {
  throw new Error("the fault suite reads from /proc what is left of processes: it needs Linux");
}

/** Of a point on PyTorch: each of its workers takes seconds to start. */
const slowWeight = 5;

const scratch = mkdtempSync(join(tmpdir(), "averse-f-"));
const began = Date.now();
let interrupted = false;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => {
    interrupted = true;
    endAll();
  });
}

const count = { point: { passed: 0, failed: 0 }, check: { passed: 0, failed: 0 }, skipped: 0 };
const failed = /** @type {string[]} */ ([]);
try {
  const tasks = tasksOf(resolve(options.program));
  print(`${tasks.length} points and checks, ${options.jobs} side by side`);
  await performAll(tasks);
} finally {
  if (!options.keep) rmSync(scratch, { recursive: true, force: true });
}

const { point, check, skipped } = count;
if (failed.length > 0) print(`failed:\n${failed.map((name) => `  ${name}`).join("\n")}`);
const skips = skipped > 0 ? `, ${skipped} skipped` : "";
print(
  `checks: ${check.passed} passed, ${check.failed} failed${skips} (${seconds(began)} s in all)`,
);
print(`${point.passed + point.failed} points, ${point.passed} bit-identical`);
const counts = {
  passed: point.passed + check.passed,
  failed: point.failed + check.failed,
  skipped,
};
if (options.result !== undefined) writeFileSync(options.result, JSON.stringify(counts));
process.exitCode = interrupted ? 130 : counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/** @param {string} program the built main.js @returns {Task[]} */
function tasksOf(program) {
  const chosen = (/** @type {string} */ name, /** @type {boolean | undefined} */ short) =>
    (!options.short || short === true) &&
    (words.length === 0 || words.some((word) => name.includes(word)));
  const struck = points
    .map((one) => ({ ...one, name: isFake(one.experiment) ? one.name : `PyTorch: ${one.name}` }))
    .filter(({ name, short }) => chosen(name, short))
    // The slow ones first: none of them is to run alone at the end.
    .sort((a, b) => Number(isFake(a.experiment)) - Number(isFake(b.experiment)));
  /** @type {Map<string, Promise<import("./record.mjs").Outcome>>} */
  const undisturbedRuns = new Map();
  const expected = (/** @type {import("./experiment.mjs").Experiment} */ name) => {
    if (!undisturbedRuns.has(name)) {
      const folder = join(scratch, `undisturbed-${name}`);
      mkdirSync(folder);
      undisturbedRuns.set(name, undisturbed(name, folder, program));
    }
    return /** @type {Promise<import("./record.mjs").Outcome>} */ (undisturbedRuns.get(name));
  };
  return [
    ...struck.map(
      (one) =>
        /** @type {Task} */ ({
          name: one.name,
          kind: "point",
          alone: false,
          weight: isFake(one.experiment) ? 1 : slowWeight,
          perform: async (folder) => ({
            problems: await strike(one, folder, program, await expected(one.experiment)),
          }),
        }),
    ),
    ...checks
      .filter(({ name, short }) => chosen(name, short))
      .map(
        ({ name, alone = false, weight = 1, perform }) =>
          /** @type {Task} */ ({
            name,
            kind: "check",
            alone,
            weight,
            perform: (folder) => perform({ folder, program, expected }),
          }),
      ),
  ];
}

/** @param {readonly Task[]} tasks */
async function performAll(tasks) {
  const queue = tasks.filter(({ alone }) => !alone).map((task, nth) => ({ task, nth }));
  const startedAt = Date.now();
  const weightOf = (/** @type {readonly Task[]} */ list) =>
    list.reduce((sum, { weight }) => sum + weight, 0);
  const whole = weightOf(tasks);
  /** @type {Task[]} */
  const done = [];
  const next = async (/** @type {{ task: Task, nth: number }} */ { task, nth }) => {
    const taskAt = Date.now();
    const folder = join(scratch, String(nth));
    mkdirSync(folder);
    /** @type {{ problems: string[], skipped?: string }} */
    let result;
    try {
      result = await task.perform(folder);
    } catch (error) {
      result = {
        problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      };
    }
    if (interrupted) return;
    const { problems, skipped } = result;
    done.push(task);
    const passed = problems.length === 0;
    if (skipped !== undefined) count.skipped += 1;
    else count[task.kind][passed ? "passed" : "failed"] += 1;
    if (!passed) failed.push(task.name);
    const share = weightOf(done) / whole;
    const left = Math.round(((Date.now() - startedAt) / 1000) * (1 / share - 1));
    const mark = passed ? (skipped === undefined ? "✓" : "–") : "✗";
    const why = [...problems, ...(skipped === undefined ? [] : [`skipped: ${skipped}`])];
    print(
      `${mark} ${String(done.length).padStart(String(tasks.length).length)}/${tasks.length} ${task.name} ` +
        `(${seconds(taskAt)} s; about ${left} s left)${why.map((text) => `\n    ${text}`).join("")}`,
    );
    if (passed || !options.keep) rmSync(folder, { recursive: true, force: true });
    else print(`    kept: ${folder}`);
  };
  await Promise.all(
    Array.from({ length: Number(options.jobs) }, async () => {
      for (let one = queue.shift(); one !== undefined && !interrupted; one = queue.shift()) {
        await next(one);
      }
    }),
  );
  for (const task of tasks.filter(({ alone }) => alone)) {
    if (!interrupted) await next({ task, nth: tasks.indexOf(task) });
  }
}

/** @param {number} since */
function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}

/** @param {string} text */
function print(text) {
  process.stdout.write(`${text}\n`);
}
