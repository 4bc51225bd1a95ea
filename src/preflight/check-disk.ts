/** Whether the models and checkpoints that a run keeps fit on the disk. */
import type { Experiment } from "../config/schema/experiment.js";
import { planTrials, type Trial } from "../config/trials.js";
import { adapterParameters, shapeOf } from "../sizing/model-shape.js";
import { formatBytes } from "../text/numbers.js";
import type { Concern, Findings } from "./findings.js";
import type { ModelFiles } from "./model-files.js";

export interface DiskRoom {
  /** Folder of the runs, or the nearest one above it that is there. */
  readonly place: string;
  readonly freeBytes: number;
}

/** Bytes per number: weights, moments of AdamW and exported models are written in float32. */
const float = 4;

export function checkDisk(experiment: Experiment, policy: ModelFiles, room: DiskRoom): Findings {
  const needed = neededBytes(experiment, policy);
  if (needed === null) return { checked: [], warnings: [], problems: [] };
  const { place, freeBytes } = room;
  const found = `about ${formatBytes(needed)} for models and checkpoints; ${formatBytes(freeBytes)} free in ${place}`;
  const finding: Concern = {
    arm: null,
    keys: ["checkpoint.keep_last", "checkpoint.every"],
    found: `models and checkpoints of about ${formatBytes(needed)}`,
    expected: `less than the ${formatBytes(freeBytes)} that are free in ${place}`,
    remedy:
      "Lower checkpoint.keep_last (0 keeps all), train fewer arms or seeds, or choose another disk with --runs.",
  };
  return {
    checked: [{ what: "disk", found }],
    warnings: needed <= freeBytes && needed > 0.8 * freeBytes ? [finding] : [],
    problems: needed > freeBytes ? [finding] : [],
  };
}

/**
 * What lies in the run folder when all trials are done, and the checkpoint that is being written
 * beside those that are kept. Texts, journal and reports are small beside it.
 *
 * @returns null: the policy's size is not known
 */
export function neededBytes(experiment: Experiment, policy: ModelFiles): number | null {
  if (policy.parameters === null) return null;
  const model = float * policy.parameters;
  const rank = experiment.policy.lora_rank;
  const shape = rank > 0 ? shapeOf(policy.config, policy.parameters) : null;
  if (rank > 0 && shape === null) return null;
  const trained = shape === null ? model : float * adapterParameters(shape, rank);
  return planTrials(experiment).reduce(
    (sum, trial) => sum + trialBytes(experiment, trial, model, trained),
    0,
  );
}

function trialBytes(
  { checkpoint }: Experiment,
  trial: Trial,
  model: number,
  trained: number,
): number {
  if (trial.stage === "base" || trial.stage === "decode") return 0;
  if (trial.stage === "sft") return !trial.fineTunes ? 0 : model + 2 * trained;
  const { every, keep_last: last, keep_best: best } = checkpoint;
  const all = every === 0 ? 1 : Math.ceil(trial.iterations / every);
  const wanted = last === 0 ? all : last + (best === null ? 0 : 1);
  const kept = Math.min(all, wanted);
  // The next one is whole before the oldest goes.
  const written = kept < all ? kept + 1 : kept;
  const copies = trial.config.training.ema_decay > 0 ? 4 : 3; // weights, two moments, their average
  return model + written * copies * trained;
}
