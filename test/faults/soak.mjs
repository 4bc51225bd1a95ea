/**
 * Ten thousand steps of the simulated worker, with the record on disk: the controller's memory stays
 * flat, the journal grows by as much in every tenth of the run.
 *
 *   node --import tsx --expose-gc test/faults/soak.mjs FOLDER [STEPS]
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { simulatedRun } from "../bench/simulated-run.mjs";

const [folder = "", steps = "10000"] = process.argv.slice(2);
const iterations = Number(steps);
const tenth = Math.ceil(iterations / 10);

const run = await simulatedRun({
  name: "soak",
  runsFolder: folder,
  iterations,
  batch: 64,
  every: 100,
});

/** Bytes in use after a collection, and the journal's length, at the end of every tenth. */
/** @type {{ heap: number, resident: number, journal: number }[]} */
const marks = [];
function mark() {
  globalThis.gc?.();
  const { heapUsed: heap, external, rss: resident } = process.memoryUsage();
  const journal = statSync(join(run.folder, "journal.jsonl")).size;
  marks.push({ heap: heap + external, resident, journal });
}

const outcome = await run.perform({
  observe: (observation) => {
    const { event } = observation;
    if (event?.type === "step" && (event.step + 1) % tenth === 0) mark();
  },
});

const megabyte = 2 ** 20;
// The first tenth warms up code, caches and buffers.
const [warm, ...later] = /** @type {[typeof marks[0], ...typeof marks]} */ (marks);
const growth = Math.max(...later.map(({ heap }) => heap - warm.heap)) / megabyte;
const resident = Math.max(...later.map((one) => one.resident - warm.resident)) / megabyte;
const lengths = later.map(({ journal }, nth) => journal - /** @type {any} */ (marks[nth]).journal);
const mean = lengths.reduce((sum, one) => sum + one, 0) / lengths.length;
const unevenness = Math.max(...lengths.map((one) => Math.abs(one / mean - 1)));

const problems = [
  outcome.outcome === "done" ? [] : [`the run is ${outcome.outcome}`],
  typeof globalThis.gc === "function" ? [] : ["start it with --expose-gc"],
  growth < 20 ? [] : [`memory in use grew by ${growth.toFixed(1)} MB, expected less than 20`],
  unevenness < 0.05 ? [] : [`a tenth of the journal is ${(100 * unevenness).toFixed(1)} % off`],
].flat();
console.log(
  `${iterations} steps: memory in use +${growth.toFixed(1)} MB (resident +${resident.toFixed(1)} MB), ` +
    `journal ${Math.round(mean / tenth)} bytes per step, ±${(100 * unevenness).toFixed(2)} %`,
);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
