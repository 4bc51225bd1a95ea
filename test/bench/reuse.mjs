/**
 * What it saves that a worker goes from trial to trial: seconds from the end of one trial to the next
 * one's models in memory, against a worker of its own, which must first start and import torch. Both
 * are read from the journal of one sweep on the quickstart's models, prompt scores kept beforehand.
 * Prints one JSON object.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCaptured } from "../../src/bootstrap/child.mjs";
import { checkoutRoot } from "../../src/bootstrap/setup.mjs";

const scratch = mkdtempSync(join(tmpdir(), "averse-bench-"));
const settings = [
  ...["arms=rlhf", "sft.steps=0", "trials.parallel=1", "training.iterations=1"],
  ...["risk.warmup=0", "evaluation.every=0", "evaluation.prompts=50", "checkpoint.every=0"],
];

try {
  await sweep("warm-up", "0.1");
  const events = await sweep("measured", "0.1,0.2,0.3,0.4,0.5");
  const at = (/** @type {string} */ type) =>
    events.filter((event) => event.type === type).map(({ time }) => Date.parse(time) / 1000);
  const ready = at("worker_ready");
  const ended = at("trial_finished");
  // The first trial has a worker of its own; each one after it that of the trial before.
  const own = (ready[0] ?? Number.NaN) - (at("run_started")[0] ?? Number.NaN);
  const passedOn = median(ready.slice(1).map((time, nth) => time - (ended[nth] ?? Number.NaN)));
  const workers = new Set(
    events.filter(({ type }) => type === "worker_opened").map(({ pid }) => pid),
  ).size;
  process.stdout.write(
    `${JSON.stringify({
      workers,
      own_seconds: own,
      passed_on_seconds: passedOn,
      saved: 1 - passedOn / own,
    })}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/**
 * @param {string} name
 * @param {string} betas
 * @returns {Promise<any[]>} the journal's events
 */
async function sweep(name, betas) {
  const { code, lines, stdout } = await runCaptured(
    [
      process.execPath,
      join(checkoutRoot, "dist", "main.js"),
      ...["sweep", "quickstart", "--json", "--run-dir", join(scratch, name)],
      ...["--artifacts", join(scratch, "artifacts"), "--grid", `kl.beta=${betas}`],
      ...settings.flatMap((setting) => ["--set", setting]),
    ],
    { cwd: checkoutRoot, keepLines: 2000 },
  );
  if (code !== 0) throw new Error(lines.slice(-20).join("\n"));
  return stdout.map((line) => JSON.parse(line));
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
