/**
 * What the controller and its worker cost in the quickstart itself: a few steps of its `rlhf` arm,
 * read from the journal. Prints one JSON object.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCaptured } from "../../src/bootstrap/child.mjs";
import { checkoutRoot } from "../../src/bootstrap/setup.mjs";

const scratch = mkdtempSync(join(tmpdir(), "averse-bench-"));
const settings = [
  "arms=rlhf",
  "training.iterations=10",
  "evaluation.every=0",
  "evaluation.prompts=100",
  "sft.steps=5",
];

const { code, lines, stdout } = await runCaptured(
  [
    process.execPath,
    join(checkoutRoot, "dist", "main.js"),
    ...["run", "quickstart", "--json", "--run-dir", join(scratch, "run")],
    ...["--artifacts", join(scratch, "artifacts")],
    ...settings.flatMap((setting) => ["--set", setting]),
  ],
  { cwd: checkoutRoot, keepLines: 2000 },
);
rmSync(scratch, { recursive: true, force: true });
if (code !== 0) {
  process.stderr.write(`${lines.slice(-20).join("\n")}\n`);
  process.exit(1);
}
const events = stdout.map((line) => JSON.parse(line));
const steps = events.filter(({ type }) => type === "step");
const share = steps.map(({ seconds }) => seconds.controller / seconds.total);
process.stdout.write(
  `${JSON.stringify({
    steps: steps.length,
    controller_fraction: median(share),
    step_seconds: median(steps.map(({ seconds }) => seconds.total)),
    worker_memory_mb: Math.max(...events.map(({ memory_bytes }) => memory_bytes || 0)) / 2 ** 20,
  })}\n`,
);

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
