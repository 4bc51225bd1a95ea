/**
 * Controller memory over a long run on the simulated worker, with the record on disk:
 *
 *   node --import tsx --expose-gc test/bench/memory.mjs [steps] [folder]
 *
 * Prints one JSON object. `rss_mb_start` is read after the first tenth of the steps, when code and
 * caches are warm; `heap_mb_*` are after a garbage collection (where it is exposed).
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulatedRun } from "./simulated-run.mjs";

const steps = Number(process.argv[2] ?? 10_000);
const runsFolder = mkdtempSync(join(process.argv[3] ?? tmpdir(), "averse-memory-"));

const run = await simulatedRun({
  name: "memory",
  runsFolder,
  iterations: steps,
  batch: 128,
  every: Math.ceil(steps / 10),
});

const megabytes = (bytes) => Math.round((bytes / 2 ** 20) * 10) / 10;
const memory = () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: megabytes(rss), heap: megabytes(heapUsed) };
};

let start = memory();
let controller = 0;
const began = performance.now();
const outcome = await run.perform({
  observe: (observation) => {
    if (observation.kind !== "event" || observation.event.type !== "step") {
      return;
    }
    controller += observation.event.seconds.total;
    if (observation.event.step === Math.floor(steps / 10)) {
      start = memory();
    }
  },
});
const seconds = (performance.now() - began) / 1000;
const end = memory();
const journal = statSync(join(run.folder, "journal.jsonl")).size;
rmSync(runsFolder, { recursive: true, force: true });

const round = (value) => Math.round(value * 1000) / 1000;
console.log(
  JSON.stringify({
    outcome: outcome.outcome,
    steps,
    rss_mb_start: start.rss,
    rss_mb_end: end.rss,
    heap_mb_start: start.heap,
    heap_mb_end: end.heap,
    journal_mb: megabytes(journal),
    journal_kb_per_step: round(journal / 1024 / steps),
    // Simulated worker, journal and fsync included.
    ms_per_step: round((1000 * controller) / steps),
    seconds: round(seconds),
  }),
);
process.exitCode = outcome.outcome === "done" ? 0 : 1;
