/** How long an experiment will take, going by earlier trials of the same name. Pure. */
import type { Plan, Trial } from "../experiment/plan.js";

/** A trial of an earlier run that went through undisturbed. */
export interface PastTrial {
  /** The experiment's. */
  readonly name: string;
  readonly worker: string;
  readonly device: string;
  readonly arm: string;
  readonly stage: Trial["stage"];
  /** M; 0 for base and sft. */
  readonly iterations: number;
  /** From its worker's loading until the worker was gone. */
  readonly seconds: number;
  /** Of them, in iterations. */
  readonly stepSeconds: number;
  /** ISO 8601, when it ended. */
  readonly at: string;
}

export type EstimateKey = Pick<PastTrial, "name" | "worker" | "device">;

/**
 * Seconds until all of a plan's trials are done, laid out over the places where trials work side by
 * side. Iterations scale with M, the rest of a trial stays; the newest trial of the arm counts, or
 * else of its stage.
 *
 * @returns null: some trial has no like among the past ones
 */
export function estimatedSeconds(
  plan: Pick<Plan, "trials" | "parallel">,
  key: EstimateKey,
  past: readonly PastTrial[],
): number | null {
  const alike = past
    .filter(
      ({ name, worker, device }) =>
        name === key.name && worker === key.worker && device === key.device,
    )
    .sort((a, b) => b.at.localeCompare(a.at));
  const places = Array.from({ length: Math.max(1, plan.parallel) }, () => 0);
  const ends = new Map<string, number>();
  for (const trial of plan.trials) {
    const seconds = trialSeconds(trial, alike);
    if (seconds === null) {
      return null;
    }
    const place = places.indexOf(Math.min(...places));
    const from = Math.max(places[place]!, ends.get(trial.after ?? "") ?? 0);
    places[place] = from + seconds;
    ends.set(trial.id, from + seconds);
  }
  return Math.max(...places);
}

/** @param alike the newest first */
function trialSeconds(trial: Trial, alike: readonly PastTrial[]): number | null {
  const sameStage = alike.filter(({ stage }) => stage === trial.stage);
  const like = sameStage.find(({ arm }) => arm === trial.arm) ?? sameStage[0];
  if (like === undefined) {
    return null;
  }
  const scale = like.iterations === 0 ? 1 : trial.iterations / like.iterations;
  return Math.max(0, like.seconds - like.stepSeconds) + like.stepSeconds * scale;
}
