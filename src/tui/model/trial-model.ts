/** A trial before anything is known of it but its name, and which kind it will turn out to be. */
import type { TrialModel } from "./run-model.js";

/** @param id `<arm>-s<seed>` */
export function unknownTrial(id: string): TrialModel {
  const [, arm = id, seed = "0"] = /^(.*)-s(\d+)$/.exec(id) ?? [];
  return {
    id,
    arm,
    seed: Number(seed),
    stage: "rl",
    iterations: 0,
    status: "waiting",
    phase: null,
    steps: [],
    evaluations: [],
    checkpoints: [],
    worker: null,
    exported: null,
    restarts: 0,
    failedRewards: 0,
    message: null,
    startedAt: null,
    endedAt: null,
    lastStepAt: null,
    pace: null,
  };
}

/** Whether a trial is over; only a resume changes it then. */
export function hasEnded({ status }: TrialModel): boolean {
  return status === "done" || status === "failed" || status === "interrupted";
}
