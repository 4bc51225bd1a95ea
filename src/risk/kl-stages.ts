/**
 * β's controller in stages: from an iteration on another target or gain, and β set anew where the
 * stage names one. Within a stage β goes on as the controller (kl-controller.ts) makes it.
 */
import { type KlController, nextBeta } from "./kl-controller.js";

export interface KlStage {
  /** First iteration, from 0, at which it is in force; ≥ 1. */
  readonly from: number;
  /** β that it begins with, ≥ 0; null: as it has come to be. */
  readonly beta: number | null;
  /** Nats per episode, > 0; null: as before. */
  readonly target: number | null;
  /** Gain, ≥ 0; null: as before. */
  readonly k_beta: number | null;
}

export interface StagedKl extends KlController {
  /** Ascending. */
  readonly schedule: readonly KlStage[];
}

/** The stage in force at step m; null: the first has not begun. */
export function klStageAt({ schedule }: Pick<StagedKl, "schedule">, step: number): KlStage | null {
  return schedule.findLast(({ from }) => from <= step) ?? null;
}

/** Target and gain in force at step m: those of the last stage that names them. */
export function klControllerAt(kl: StagedKl, step: number): KlController {
  return kl.schedule
    .filter(({ from }) => from <= step)
    .reduce(
      (before, { target, k_beta }) => ({
        target: target ?? before.target,
        k_beta: k_beta ?? before.k_beta,
        clip: before.clip,
      }),
      { target: kl.target, k_beta: kl.k_beta, clip: kl.clip },
    );
}

/**
 * β of step m + 1: what the stage that begins there sets, else as m's controller adapts it.
 *
 * @param beta of step m
 * @param klMean of step m, nats per episode
 * @throws {RangeError} as `nextBeta`
 */
export function betaAfter(kl: StagedKl, step: number, beta: number, klMean: number): number {
  const adapted = nextBeta(beta, klMean, klControllerAt(kl, step));
  return kl.schedule.find(({ from }) => from === step + 1)?.beta ?? adapted;
}
