/** What a sweep will do, and about what it costs, before it begins. */
import type { Experiment } from "../../config/schema/experiment.js";
import { pointsBySeed } from "../../config/sweep/halving.js";
import { planTrials, type Trial } from "../../config/trials.js";
import { type Hardware, type Plan, placeTrials } from "../../engine/plan.js";
import { gridLines } from "../../text/grid.js";
import { wordsOfMetric } from "../../text/metric-words.js";
import { formatDuration } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { estimatedSeconds, type PastTrial } from "../lookup/trial-times.js";

export interface SweepPlan {
  /** Key of the grid → its values as written. */
  readonly grid: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
  /** Arm that is swept → its points, by the arms' names. */
  readonly points: Readonly<Record<string, readonly string[]>>;
  /** Arms that no key of the grid changes, SFT among them: trained once per seed. */
  readonly once: readonly string[];
  readonly halving: {
    readonly metric: string;
    /** Of each swept arm, points that train on each seed. */
    readonly points: Readonly<Record<string, readonly number[]>>;
  } | null;
  readonly trials: number;
  /** RL iterations of all trials together. */
  readonly iterations: number;
  /** Trials side by side. */
  readonly parallel: number;
  /** About; null: earlier runs do not tell. */
  readonly seconds: number | null;
  /** About, and what is free, in words; null: not known. */
  readonly disk: string | null;
}

/** @param disk of the checks before the run, in words */
export function sweepPlan(
  experiment: Experiment,
  machine: Hardware,
  past: readonly PastTrial[],
  disk: string | null,
): SweepPlan {
  const { sweep, seeds, name, backend } = experiment;
  const points = Object.fromEntries(
    [...new Set(sweep.points.map(({ of }) => of))].map((of) => [
      of,
      sweep.points.filter((point) => point.of === of).map(({ arm }) => arm),
    ]),
  );
  const halving =
    sweep.halving === null
      ? null
      : {
          metric: sweep.halving,
          points: Object.fromEntries(
            Object.entries(points).map(([of, { length }]) => [
              of,
              pointsBySeed(length, seeds.length, sweep.keep),
            ]),
          ),
        };
  const all = planTrials(experiment);
  const trials = all.filter((trial) => mayTrain(trial, experiment, points, halving));
  const swept = new Set(sweep.points.map(({ arm }) => arm));
  const { parallel } = placeTrials(experiment, machine, trials.length);
  const plan: Pick<Plan, "trials" | "parallel"> = { trials, parallel };
  const key = { name, worker: backend.worker, device: backend.device };
  return {
    grid: sweep.grid,
    seeds,
    points,
    once: [...new Set(all.map(({ arm }) => arm))].filter((arm) => !swept.has(arm)),
    halving,
    trials: trials.length,
    iterations: trials.reduce((sum, { iterations }) => sum + iterations, 0),
    parallel,
    seconds: estimatedSeconds(plan, key, past),
    disk,
  };
}

/** As many of an arm's points as train on the seed; which of them is not known yet. */
function mayTrain(
  trial: Trial,
  { sweep, seeds }: Experiment,
  points: SweepPlan["points"],
  halving: SweepPlan["halving"],
): boolean {
  const of = sweep.points.find(({ arm }) => arm === trial.arm)?.of;
  if (halving === null || of === undefined) return true;
  const place = points[of]!.indexOf(trial.arm);
  return place < halving.points[of]![seeds.indexOf(trial.seed)]!;
}

/** A count where they are many: `--seeds 310` are the seeds 0 to 309, and may have been meant as one. */
function seedsText(seeds: readonly number[]): string {
  const many = 12;
  if (seeds.length <= many) return seeds.join(", ");
  return `${seeds.length}: ${seeds.slice(0, 3).join(", ")}, …, ${seeds.at(-1)}`;
}

export function sweepPlanText(name: string, plan: SweepPlan): string {
  const { grid, seeds, points, once, halving, trials, iterations, parallel, seconds, disk } = plan;
  const rows: [string, string][] = [
    ...Object.entries(grid).map(([key, values]): [string, string] => [
      key,
      Array.isArray(values)
        ? values
            .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
            .join(", ")
        : String(values),
    ]),
    ["seeds", seedsText(seeds)],
    ...Object.entries(points).map(([of, arms]): [string, string] => [
      of,
      `${arms.length} ${arms.length === 1 ? "point" : "points"}`,
    ]),
    ...(once.length === 0
      ? []
      : [
          [
            "once per seed",
            `${once.join(", ")}: no key of the grid changes ${once.length === 1 ? "it" : "them"}`,
          ] as [string, string],
        ]),
    ...(halving === null
      ? []
      : Object.entries(halving.points).map(([of, counts]): [string, string] => [
          `halving of ${of}`,
          `${counts.join(", then ")} points, seed by seed: the best by ${wordsOfMetric(halving.metric)?.title ?? halving.metric}, mean over the seeds so far`,
        ])),
    ["trials", `${trials}${parallel > 1 ? `, ${parallel} in parallel` : ", one after the other"}`],
    ["iterations", String(iterations)],
    ["disk", disk ?? "not known: the model's size is not"],
    [
      "time",
      seconds === null
        ? `not known: no earlier run of ${name} on this worker and device`
        : `about ${formatDuration(seconds)}, going by earlier runs of ${name}`,
    ],
  ];
  const cells = rows.map(([what, found]) => [`  ${what}`, safeText(found)]);
  return [`sweep of ${name}`, ...gridLines(cells, ["left", "left"])].join("\n");
}
