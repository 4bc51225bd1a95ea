/**
 * One small experiment on every backend that this machine can start, with no change but
 * `--backend`; then `averse verify`, and a comparison with `local`.
 *
 *   npm run test:backends -- [--kill] [--seed N] [--fake] [--keep] [--result FILE] [NAME …]
 *
 * `--kill` runs each once more: one process of the worker is killed after a random iteration, and
 * the run has to come to the end of the undisturbed one. `--fake`: launchers alone, with an engine that
 * computes nothing, in seconds. `--result` gets the rows as JSON. Names choose backends. Exit code 1: one failed. Needs Linux, a built program, and for Ray the variable
 * `AVERSE_TEST_RAY_PYTHON`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { generator } from "../../src/stats/random.js";
import { gridLines } from "../../src/text/grid.js";
import { endAll, processesOf } from "../faults/processes.mjs";
import {
  differences,
  type JournalEvent,
  journalOf,
  type Outcome,
  outcomeOf,
} from "../faults/record.mjs";
import { Subject } from "../faults/strike.mjs";
import { type Backend, backendsFor, program, type Started } from "./backends.js";

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    kill: { type: "boolean", default: false },
    seed: { type: "string", default: "0" },
    fake: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    result: { type: "string" },
  },
});

const iterations = 3;

/** What every engine can do: no critic, and the KL in the return. */
const experiment = {
  name: "backends",
  arms: ["ra-rlhf"],
  sft: { steps: 0 },
  rollout: { prompt_tokens: 12, new_tokens: 8 },
  training: {
    ...{ algorithm: "rloo", completions: 2, iterations, batch: 8, minibatch: 4, epochs: 1 },
  },
  kl: { form: "return" },
  risk: { alpha: 0.5, warmup: 1 },
  checkpoint: { every: 1, keep_last: 1 },
  evaluation: { prompts: 8, every: 0, samples: 0 },
  backend: { device: "cpu", threads: 1 },
  trials: { backoff_seconds: 0.1 },
};

/** One line of the table. */
interface Row {
  readonly backend: string;
  /** Null: not started, and `told` has the reason. */
  readonly exit: number | string | null;
  readonly seconds: number | null;
  /** What the journal has of the worker. */
  readonly worker: string;
  readonly told: string;
  readonly passed: boolean;
}

interface Ended {
  readonly row: Row;
  /** Null: it did not come to its end. */
  readonly outcome: Outcome | null;
}

const random = generator(Number(options.seed));
const backends = backendsFor(options.fake ? "fake" : "torch");
const chosen = backends.filter(({ name }) => names.length === 0 || names.includes(name));
const scratch = mkdtempSync(join(tmpdir(), "averse-b-"));
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    interrupted = true;
    endAll();
  });
}

const rows: Row[] = [];
try {
  let local: Outcome | null = null;
  for (const backend of chosen) {
    if (interrupted) break;
    if (backend.missing !== null) {
      tell({ ...nothing(backend.name), told: `skipped: ${backend.missing}`, passed: true });
      continue;
    }
    const folder = join(scratch, String(rows.length));
    mkdirSync(folder);
    let started: Started | null = null;
    try {
      started = await backend.start(folder);
      const undisturbed = await ran(backend, started, folder, backend.asLocal ? local : null);
      tell(undisturbed.row);
      if (backend.name === "local") local = undisturbed.outcome;
      if (options.kill && undisturbed.outcome !== null && !interrupted) {
        tell((await struck(backend, started, join(folder, "k"), undisturbed.outcome)).row);
      }
    } catch (error) {
      tell({ ...nothing(backend.name), told: String(error), passed: false });
    } finally {
      await started?.stop();
    }
  }
} finally {
  if (!options.keep) rmSync(scratch, { recursive: true, force: true });
}

const heading = ["backend", "exit", "seconds", "engine, strategy, processes", "result"];
const cells = rows.map(({ backend, exit, seconds, worker, told }) => [
  ...[backend, String(exit ?? "–"), seconds === null ? "–" : String(Math.round(seconds))],
  ...[worker, told],
]);
process.stdout.write(
  `\n${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, seed ${options.seed}\n` +
    `${gridLines([heading, ...cells], ["left", "right", "right", "left", "left"]).join("\n")}\n`,
);
if (options.result !== undefined) writeFileSync(options.result, JSON.stringify(rows));
const sound = rows.length > 0 && rows.every(({ passed }) => passed);
process.exitCode = interrupted ? 130 : sound ? 0 : 1;

/** The undisturbed run. @param expected of a backend that promises the same bits; null: none does */
async function ran(
  { name, options: own, asLocal }: Backend,
  { backend, env }: Started,
  folder: string,
  expected: Outcome | null,
): Promise<Ended> {
  const subject = new Subject(folder, program, env);
  const began = performance.now();
  const { code, signal, output } = await subject.averse(runArguments(subject, backend, own));
  const seconds = (performance.now() - began) / 1000;
  const of = { backend: name, exit: code ?? signal, seconds, worker: workerOf(subject) };
  if (code !== 0) return { row: { ...of, told: output.trim(), passed: false }, outcome: null };
  const problems = await remains(subject);
  const outcome = outcomeOf(subject.run);
  const different = expected === null ? [] : differences(expected, outcome);
  const compared =
    expected === null
      ? asLocal && name !== "local"
        ? "not compared: local was not run"
        : "verified"
      : different.length === 0
        ? "verified, the bits of local"
        : different.join("; ");
  const told = problems.length > 0 ? problems.join("; ") : compared;
  return { row: { ...of, told, passed: problems.length + different.length === 0 }, outcome };
}

/** One process is killed after a random iteration; a run that ends by that is resumed. */
async function struck(
  { name, options: own, ranks }: Backend,
  { backend, env }: Started,
  folder: string,
  expected: Outcome,
): Promise<Ended> {
  mkdirSync(folder);
  const subject = new Subject(folder, program, env);
  const after = Math.floor(random() * (iterations - 1)) + 1;
  const rank = Math.floor(random() * ranks);
  const began = performance.now();
  const running = subject.averse(runArguments(subject, backend, own));
  const victim = await killed(subject, after, rank, running);
  let { code, signal, output } = await running;
  const resumed = code === 3;
  if (resumed)
    ({ code, signal, output } = await subject.averse(["resume", subject.run, "--plain"]));
  const seconds = (performance.now() - began) / 1000;
  const of = {
    backend: `${name}, killed`,
    ...{ exit: code ?? signal, seconds, worker: workerOf(subject) },
  };
  if (code !== 0) return { row: { ...of, told: output.trim(), passed: false }, outcome: null };
  const losses = journalOf(subject.run).filter(({ type }) => type === "worker_lost").length;
  const problems = [
    ...(victim === null ? ["the run was over before a process was killed"] : []),
    ...(losses === 0 && !resumed ? ["the journal has no worker_lost"] : []),
    ...(await remains(subject)),
    ...differences(expected, outcomeOf(subject.run)),
  ];
  const which = ranks === 1 ? "the worker" : `process ${rank}`;
  const went = `${which} killed after iteration ${after}, ${resumed ? "resumed" : "restarted"}`;
  const told = problems.length === 0 ? `${went}; verified, the undisturbed bits` : went;
  return {
    row: { ...of, told: [told, ...problems].join("; "), passed: problems.length === 0 },
    outcome: null,
  };
}

/** What does not hold at the run's end. */
async function remains(subject: Subject): Promise<string[]> {
  // torch's cache, where a cluster's task has the temporary folder of whoever asked for it.
  return (await subject.remains()).filter((problem) => !problem.startsWith("torchinductor_"));
}

function runArguments(subject: Subject, backend: string, own: readonly string[]): string[] {
  const file = join(subject.folder, "experiment.yaml");
  writeFileSync(file, JSON.stringify(experiment));
  return ["run", file, "--backend", backend, ...own, "--run-dir", subject.run, "--plain"];
}

/**
 * Kills a process of the worker once the journal has that many iterations.
 *
 * @returns its id; null: the run ended before
 */
async function killed(
  subject: Subject,
  after: number,
  rank: number,
  running: Promise<unknown>,
): Promise<number | null> {
  let over = false;
  void running.finally(() => {
    over = true;
  });
  while (!over) {
    const events = whole(subject.run);
    if (events.filter(({ type }) => type === "step").length >= after) {
      const pid = pidOf(subject, events, rank);
      process.kill(pid, "SIGKILL");
      return pid;
    }
    await pause(20);
  }
  return null;
}

/** Of rank 0 the worker itself told it; the others are children of this machine's worker. */
function pidOf(subject: Subject, events: readonly JournalEvent[], rank: number): number {
  if (rank === 0) return events.findLast(({ type }) => type === "worker_opened")!.pid as number;
  return processesOf(subject.mark).find(({ pid }) =>
    readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`RANK=${rank}`),
  )!.pid;
}

/** The journal's whole lines, of a run that goes on. */
function whole(run: string): JournalEvent[] {
  const file = join(run, "journal.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalEvent);
}

function workerOf({ run }: Subject): string {
  const ready = whole(run).findLast(({ type }) => type === "worker_ready");
  if (ready === undefined) return "–";
  return [ready.engine, ready.strategy ?? "no strategy", ready.processes].join(", ");
}

function nothing(backend: string): Omit<Row, "told" | "passed"> {
  return { backend, exit: null, seconds: null, worker: "–" };
}

function tell(row: Row): void {
  rows.push(row);
  process.stdout.write(`${row.passed ? "✓" : "✗"} ${row.backend}: ${row.told}\n`);
}
