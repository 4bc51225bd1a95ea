/**
 * What three trackers cost a run: the quickstart's risk-averse arm with them and without, in turn.
 * An iteration is the same work in both, so that its seconds are compared with its own; the median of
 * these ratios counts. The trackers are those that are installed, the lightest first, offline.
 * Prints one JSON object.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCaptured } from "../../src/bootstrap/child.mjs";
import { venvPython } from "../../src/bootstrap/python-packages.mjs";
import { checkoutRoot } from "../../src/bootstrap/setup.mjs";

const scratch = mkdtempSync(join(tmpdir(), "averse-bench-"));
const iterations = 10;
const rounds = 2;
const settings = [
  ...["arms=ra-rlhf", "sft.steps=0", `training.iterations=${iterations}`],
  ...["evaluation.every=0", "evaluation.prompts=50", "checkpoint.every=0"],
];

try {
  const installed = await installedTrackers();
  const used = installed.slice(0, 3);
  const list = used.map((name) => `{name: ${name}, offline: true, dir: ${scratch}/${name}}`);
  await run("warm-up", []);
  /** @type {number[]} */
  const ratios = [];
  for (let round = 0; round < rounds; round += 1) {
    const without = await run(`without-${round}`, []);
    const beside = await run(`beside-${round}`, [`trackers=[${list.join(", ")}]`]);
    ratios.push(...without.map((seconds, at) => (beside[at] ?? Number.NaN) / seconds));
  }
  process.stdout.write(
    `${JSON.stringify({ trackers: used, iterations: ratios.length, slower: median(ratios) - 1 })}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function installedTrackers() {
  const program =
    "import importlib.util as u, json; print(json.dumps([n for n in " +
    "('tensorboard', 'trackio', 'wandb', 'mlflow') if u.find_spec(n)]))";
  const python = process.env.AVERSE_PYTHON ?? venvPython(checkoutRoot);
  const { code, lines, stdout } = await runCaptured([python, "-c", program], { keepLines: 20 });
  if (code !== 0) throw new Error(lines.join("\n"));
  return /** @type {string[]} */ (JSON.parse(stdout.join("")));
}

/**
 * @param {string} name
 * @param {readonly string[]} more settings
 * @returns {Promise<number[]>} seconds of each iteration
 */
async function run(name, more) {
  const { code, lines, stdout } = await runCaptured(
    [
      process.execPath,
      join(checkoutRoot, "dist", "main.js"),
      ...["run", "quickstart", "--json", "--run-dir", join(scratch, name)],
      ...["--artifacts", join(scratch, "artifacts")],
      ...[...settings, ...more].flatMap((setting) => ["--set", setting]),
    ],
    { cwd: checkoutRoot, keepLines: 2000 },
  );
  if (code !== 0) throw new Error(lines.slice(-20).join("\n"));
  return stdout
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === "step")
    .map(({ seconds }) => seconds.total);
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
