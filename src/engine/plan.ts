/** What a run does: its trials, how many of them side by side, and on which devices. */
import type { Experiment } from "../config/schema/experiment.js";
import { planTrials, type Trial } from "../config/trials.js";
import type { Result } from "../protocol/messages.js";
import type { Retention } from "./retention.js";
import { type Halving, halvingOf } from "./sweep/halving-rule.js";

export interface Plan {
  readonly name: string;
  readonly trials: readonly Trial[];
  /** Trials that work side by side, ≥ 1. */
  readonly parallel: number;
  /** One a slot, taken in turn; empty: the configured device for all. */
  readonly devices: readonly string[];
  /** Whether a free slot may hold a worker whose trial cannot begin yet. */
  readonly opensEarly: boolean;
  /** Iterations between checkpoints; 0: only after the last. */
  readonly checkpointEvery: number;
  readonly retention: Retention;
  /** Null: no trial is dropped before it begins. */
  readonly halving: Halving | null;
  /** Workers that a trial may lose since the run was started or resumed. */
  readonly restarts: number;
  /** Seconds before the first restart of a worker; doubled for each one after it. */
  readonly backoffSeconds: number;
}

export function planRun(experiment: Experiment, hardware: Hardware): Plan {
  const trials = planTrials(experiment);
  return {
    name: experiment.name,
    trials,
    ...placeTrials(experiment, hardware, trials.length),
    // It would hold a place that the trial it waits for may need.
    opensEarly: hardware.cluster !== true && hardware.workers === undefined,
    checkpointEvery: experiment.checkpoint.every,
    retention: { last: experiment.checkpoint.keep_last, best: experiment.checkpoint.keep_best },
    halving: halvingOf(experiment),
    restarts: experiment.trials.restarts,
    backoffSeconds: experiment.trials.backoff_seconds,
  };
}

/** How many trials work side by side, and on which devices. */
export interface Hardware {
  readonly cores: number;
  /** CUDA devices that workers can see. */
  readonly gpus: number;
  /** `backend.device: auto` takes the GPU of a Mac, of which there is one. */
  readonly mps?: boolean;
  /** That compute together as one worker; 1 where it is not set. */
  readonly processes?: number;
  /** That can serve at once; as many as are started where it is not set. */
  readonly workers?: number;
  /** Each worker asks a cluster for a place of its own, and waits in its queue where there is none. */
  readonly cluster?: boolean;
}

/**
 * Trials of a cluster that ask for a place at once, where the experiment does not say: each has a program on this
 * machine that asks for it, of 130 MB under Ray.
 */
const clusterTrials = 16;

/** What a worker's engine has, in its own words; the controller cannot know it of itself. */
export type Devices = Result<"devices">;

export function hardwareOf({ auto, devices, cores }: Devices): Hardware {
  const gpus = devices.filter(({ name }) => name.startsWith("cuda")).length;
  return { cores, gpus, mps: auto === "mps" };
}

/** Whether it makes a difference to a run what its workers' devices are. */
export function dependsOnDevices({ trials, backend }: Experiment, count: number): boolean {
  const named = backend.device !== "auto" && backend.device !== "cuda";
  return count > 1 && trials.parallel !== 1 && (trials.parallel === 0 || !named);
}

export interface Placement {
  readonly parallel: number;
  readonly devices: readonly string[];
}

/**
 * `trials.parallel` where it is set. Else on CUDA one trial per GPU, on a named device (`cuda:1`,
 * `mps`) and on a Mac's GPU one, and on the CPU as many as the cores hold at `backend.threads` each (torch's own
 * choice takes all cores: one). A worker of several processes has `backend.threads` in each, and takes GPUs by
 * itself: one trial. On a cluster all ask, up to `clusterTrials`, and its scheduler chooses devices. Never
 * more than there are trials, or workers.
 */
export function placeTrials(
  experiment: Pick<Experiment, "trials" | "backend">,
  hardware: Hardware,
  trials: number,
): Placement {
  const { device, threads } = experiment.backend;
  const { processes = 1, workers = trials, cluster = false } = hardware;
  if (cluster) {
    return { parallel: Math.min(experiment.trials.parallel || clusterTrials, trials), devices: [] };
  }
  const onCuda = device === "cuda" || (device === "auto" && hardware.gpus > 0);
  const devices =
    onCuda && hardware.gpus > 1 && processes === 1
      ? Array.from({ length: hardware.gpus }, (_, gpu) => `cuda:${gpu}`)
      : [];
  const fitting = onCuda
    ? processes === 1
      ? hardware.gpus
      : 1
    : (device !== "auto" && device !== "cpu") || (device === "auto" && hardware.mps === true)
      ? 1
      : threads === 0
        ? 1
        : Math.floor(hardware.cores / (threads * processes));
  const wanted = experiment.trials.parallel || fitting;
  return { parallel: Math.max(1, Math.min(wanted, trials, workers)), devices };
}
