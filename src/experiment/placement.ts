/** How many trials work side by side, and on which devices. */
import type { Experiment } from "../config/schema.js";

export interface Hardware {
  readonly cores: number;
  /** CUDA devices that workers can see. */
  readonly gpus: number;
}

export interface Placement {
  readonly parallel: number;
  readonly devices: readonly string[];
}

/**
 * `trials.parallel` where it is set. Else on CUDA one trial a GPU, on a named device (`cuda:1`,
 * `mps`) one, and on the CPU as many as the cores hold at `backend.threads` each (torch's own
 * choice takes all cores: one). Never more than there are trials.
 */
export function placeTrials(
  experiment: Pick<Experiment, "trials" | "backend">,
  hardware: Hardware,
  trials: number,
): Placement {
  const { device, threads } = experiment.backend;
  const onCuda = device === "cuda" || (device === "auto" && hardware.gpus > 0);
  const devices =
    onCuda && hardware.gpus > 1
      ? Array.from({ length: hardware.gpus }, (_, gpu) => `cuda:${gpu}`)
      : [];
  const fitting = onCuda
    ? hardware.gpus
    : device !== "auto" && device !== "cpu"
      ? 1
      : threads === 0
        ? 1
        : Math.floor(hardware.cores / threads);
  const wanted = experiment.trials.parallel || fitting;
  return { parallel: Math.max(1, Math.min(wanted, trials)), devices };
}
