/**
 * A worker as a job of Slurm: `srun` asks for the resources, waits in the queue, starts the worker on a
 * node and carries its output here. The node is another machine of the same cluster: it has the
 * package, its Python and the shared folders under the same paths, and reaches the controller over TCP.
 *
 *     controller ── srun ── slurmctld ── slurmd ── worker
 *         ╚═════════ tcp, CURVE ═════════════════════╝
 *
 * The keys go through srun to the worker's standard input, so that they lie in no shared folder. A
 * job that ends before its time (time limit, preemption, requeue, a lost node) is a lost worker: the next
 * one is a job of its own, which goes on from the last checkpoint. Before its time limit the worker gets
 * a signal, and the controller a checkpoint.
 *
 * `sbatch` does the same where a cluster takes batch jobs alone: a small driver stands in for srun.
 */
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { shellQuoted } from "../../text/shell-quote.js";
import {
  DISPLACED,
  following,
  type LaunchPlace,
  type LaunchPlan,
  type LaunchRefusal,
  OWN,
  probeSteps,
  probesOf,
  type WorkerCommand,
} from "./launch-plan.js";

const word = z.string().regex(/^[^\s-]\S*$/, "one word, as srun takes it");

export const slurmSchema = z.strictObject({
  partition: word.nullable().default(null).describe("null: the cluster's default"),
  account: word.nullable().default(null).describe("null: the user's default"),
  time: z
    .string()
    .regex(/^\d+(?:-\d+)?(?::\d+){0,2}$/, "minutes, or [days-]hours:minutes:seconds")
    .nullable()
    .default(null)
    .describe("limit of each job, as 4:00:00 or 2-00; null: the partition's"),
  gpus: z
    .union([z.int().min(1), word])
    .nullable()
    .default(null)
    .describe("number, or type:number; null: none"),
  cpus: z.int().min(1).nullable().default(null).describe("cores of the worker; null: one"),
  memory: word.nullable().default(null).describe("as in 64G; null: the cluster's default"),
  python: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("Python on the nodes; null: the one that this machine has"),
  submit: z
    .enum(["srun", "sbatch"])
    .default("srun")
    .describe("sbatch: for clusters that take batch jobs alone"),
  warn_seconds: z
    .int()
    .min(1)
    .max(65_535)
    .default(120)
    .describe("before a job's time limit, when a checkpoint is made; Slurm may be a minute early"),
  options: z
    .array(z.string())
    .default([])
    .describe("further arguments of srun or sbatch, as in [--qos, high, --constraint, a100]"),
});

export type SlurmSettings = z.infer<typeof slurmSchema>;

/** What Slurm says of a job that it took, and took away: the next one may run to its end. */
const TAKEN = new RegExp(
  `^(?:${[
    "srun: Job has been cancelled",
    "srun: Job allocation \\d+ has been revoked",
    "srun: error: Node failure",
    // Taken away between its place and its first step.
    "srun: error: Unable to create step .*already completing or completed",
    "slurmstepd\\S*: error: \\*\\*\\* .*CANCELLED",
  ].join("|")})`,
);

/** Of a job that needs more than it asked for, whatever else is said of its end. */
const TOO_BIG =
  /^(?:srun|slurmstepd\S*): error: .*(?:Out Of Memory|exceeded .*memory limit|oom[-_]kill)/i;

/** What it says of a job that it refuses; a worker's own end reads otherwise. */
const REFUSED = new RegExp(
  `^(?:${[OWN, "srun: error: Unable to", "srun: fatal: ", "sbatch: (?:error|fatal): "].join("|")})`,
);

/** srun says so of a worker that ended by itself. */
const ENDED = /^srun: error: \S+: tasks? \S+: /;

function refusal(code: number | null, lines: readonly string[]): LaunchRefusal | null {
  const last = (pattern: RegExp) => lines.findLast((line) => pattern.test(line)) ?? null;
  const unfit = last(TOO_BIG);
  const taken = unfit === null ? last(TAKEN) : null;
  if (taken !== null) {
    // srun's own end is none: it ends with 0 when the node fails, and adds an error of the request to a
    // job that was cancelled in the queue.
    return { words: taken.trim(), passing: true };
  }
  if (code === 0) {
    return null;
  }
  const words = unfit ?? last(REFUSED) ?? (last(ENDED) === null ? last(/^srun: /) : null);
  return words === null ? null : { words: words.trim(), passing: code === DISPLACED };
}

/** srun adds these lines to the worker's last ones. */
const AFTERWORDS = /^(?:srun|slurmstepd\S*): /;

/** The driver of a batch job tells its state. */
const BATCH_AFTERWORDS = /^(?:slurmstepd\S*: |job \d+ [A-Z_]+ \()/;

/** What the worker says when the signal came that its job ends soon. */
const DEADLINE = /^averse_worker: its job ends soon/m;

/** @param python - Of this machine. */
export function slurmPlan(
  settings: SlurmSettings,
  place: LaunchPlace,
  command: WorkerCommand,
  python: () => string,
): LaunchPlan {
  const { partition, account, time, gpus, cpus, memory, options, submit, warn_seconds } = settings;
  const { root, endpoint, keys } = place;
  const job = `averse-${place.session}`;
  const { argv, environment } = command({
    python: () => settings.python ?? python(),
    root,
    endpoint,
    keys: "-",
  });
  const script = [
    // Until the worker listens to it the signal would end it.
    "trap '' USR2",
    ...probeSteps(place, "the node that Slurm chose"),
    `exec ${argv.map(shellQuoted).join(" ")}`,
  ].join("; ");
  const batch = submit === "sbatch";
  const named = { partition, account, time, gpus, "cpus-per-task": cpus, mem: memory };
  const asked = [
    ...[`--job-name=${job}`, "--ntasks=1"],
    // The worker takes the place of the batch script, which is no step of the job.
    `--signal=${batch ? "B:" : ""}USR2@${warn_seconds}`,
    ...Object.entries(named).flatMap(([name, value]) =>
      value === null ? [] : [`--${name}=${value}`],
    ),
  ];
  const output = join(place.shared[0] ?? homedir(), `.averse-job-${place.session}.log`);
  const driver = join(root, "python", "averse_worker", "platform", "slurm_batch.py");
  return {
    argv: [
      ...following(python(), root),
      ...(batch
        ? [
            ...[python(), "-IS", driver],
            JSON.stringify({
              // A requeued job would meet a controller that has given it up.
              options: [...asked, "--no-requeue", `--output=${output}`, ...options],
              ...{ script, keys, output },
            }),
          ]
        : [
            "srun",
            ...asked,
            ...(keys === null ? [] : [`--input=${keys}`]),
            ...options,
            ...["sh", "-c", script],
          ]),
    ],
    // srun and sbatch hand their own environment on.
    environment,
    place: "under Slurm",
    refusal,
    absent: null,
    afterwords: batch ? BATCH_AFTERWORDS : AFTERWORDS,
    queue: {
      turn: batch ? batchTurn : srunTurn,
      // The driver of a batch job tells it by itself.
      state: batch ? null : ["squeue", "--noheader", `--name=${job}`, "--format=job %i %T (%r)"],
    },
    deadline: DEADLINE,
    release: ["scancel", "--quiet", `--user=${userInfo().username}`, `--name=${job}`],
    probes: [...probesOf(place), ...(batch ? [output] : [])],
  };
}

function srunTurn(line: string): "waits" | "runs" | null {
  if (/^srun: job \d+ queued and waiting for resources/.test(line)) return "waits";
  return /^srun: job \d+ has been allocated resources/.test(line) ? "runs" : null;
}

function batchTurn(line: string): "waits" | "runs" | null {
  const state = /^job \d+ ([A-Z_]+) \(/.exec(line)?.[1];
  if (state === undefined) return null;
  return state === "RUNNING" ? "runs" : "waits";
}
