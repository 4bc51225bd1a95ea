/**
 * What three trackers cost a run: the quickstart's risk-averse arm with them and without, in turn, a
 * round of each first to fill caches. An iteration is the same work in both, so that its seconds are
 * compared with its own; a whole run also starts and ends the trackers. Medians of these ratios count;
 * CPU is that of all processes of a run. The trackers are those that are installed, the lightest
 * first, offline.
 *
 *   npm run build && node test/bench/trackers.mjs [ROUNDS]
 *
 * AVERSE_PYTHON, if it is set, has the trackers. Prints one JSON object.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCaptured } from "../../src/bootstrap/child.mjs";
import { venvPython } from "../../src/bootstrap/python-packages.mjs";
import { checkoutRoot } from "../../src/bootstrap/setup.mjs";

const rounds = Number(process.argv[2] ?? 3);
const python = process.env.AVERSE_PYTHON ?? venvPython(checkoutRoot);
const scratch = mkdtempSync(join(tmpdir(), "averse-bench-"));
const settings = [
  ...["arms=ra-rlhf", "sft.steps=0", "training.iterations=10"],
  ...["evaluation.every=0", "evaluation.prompts=50", "checkpoint.every=0"],
];

try {
  const installed = await installedTrackers();
  const used = installed.slice(0, 3);
  if (used.length < 3) {
    throw new Error(
      `three trackers are needed and ${python} has ${used.join(", ") || "none"}: ` +
        `${python} -m pip install '.[trackers]'`,
    );
  }
  const list = used.map((name) => `{name: ${name}, offline: true, dir: ${scratch}/${name}}`);
  const programs = {
    without: argvOf("without", []),
    beside: argvOf("beside", [`trackers=[${list.join(", ")}]`]),
  };
  const times = /** @type {Record<keyof typeof programs, Times>} */ (
    JSON.parse(
      await printed([
        ...[python, join(checkoutRoot, "test", "bench", "child_times.py")],
        ...[String(rounds), JSON.stringify(programs)],
      ]),
    )
  );
  const without = iterationsOf("without");
  const beside = iterationsOf("beside");
  const ratio = (/** @type {keyof Times} */ key) =>
    median(times.without[key].map((own, at) => (times.beside[key][at] ?? Number.NaN) / own));
  process.stdout.write(
    `${JSON.stringify({
      trackers: used,
      rounds,
      iterations: without.length,
      slower: median(without.map((own, at) => (beside[at] ?? Number.NaN) / own)) - 1,
      run: { times_as_long: { wall: ratio("wall_ms"), cpu: ratio("cpu_ms") }, ...times },
    })}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** @typedef {{ wall_ms: number[], cpu_ms: number[] }} Times */

async function installedTrackers() {
  const program =
    "import importlib.util as u, json; print(json.dumps([n for n in " +
    "('tensorboard', 'trackio', 'wandb', 'mlflow') if u.find_spec(n)]))";
  return /** @type {string[]} */ (JSON.parse(await printed([python, "-c", program])));
}

/** @param {readonly string[]} argv */
async function printed(argv) {
  const { code, lines, stdout } = await runCaptured([...argv], {
    cwd: checkoutRoot,
    keepLines: 2000,
  });
  if (code !== 0) throw new Error(lines.slice(-20).join("\n"));
  return stdout.join("\n");
}

/**
 * @param {string} name of the folder of its runs
 * @param {readonly string[]} more settings
 */
function argvOf(name, more) {
  return [
    process.execPath,
    join(checkoutRoot, "dist", "main.js"),
    ...["run", "quickstart", "--json", "--runs", join(scratch, name)],
    ...["--artifacts", join(scratch, "artifacts")],
    ...[...settings, ...more].flatMap((setting) => ["--set", setting]),
  ];
}

/**
 * @param {string} name of the folder of runs
 * @returns {number[]} seconds of each iteration, but of the run that filled caches
 */
function iterationsOf(name) {
  const journals = readdirSync(join(scratch, name), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) =>
      readFileSync(join(scratch, name, entry.name, "journal.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    )
    .sort(([a], [b]) => (a.time < b.time ? -1 : 1));
  return journals
    .slice(1)
    .flat()
    .filter(({ type }) => type === "step")
    .map(({ seconds }) => seconds.total);
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
