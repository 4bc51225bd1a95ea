/**
 * How many of the B episodes per iteration keeps. Soft-risk schedule of Greenberg et al.,
 * "Efficient Risk-Averse Reinforcement Learning", NeurIPS 2022, as used by Chaudhary et al.,
 * NeurIPS 2024 (arXiv 2501.06911): all of them while the policy still learns the task, then
 * linearly fewer, down to the worst fraction α.
 */
import { requireFraction, requireInteger } from "../../stats/checks.js";
import { tailCount } from "../tail.js";

export interface RiskSchedule {
  /** α in (0, 1]: the fraction kept in the end. */
  readonly alpha: number;
  /** n ≥ 0: iterations of the warm start, every episode kept. */
  readonly warmup: number;
  /** ρ in (0, 1]: fraction of the iterations at which α is reached. */
  readonly rho: number;
  /** `constant`: α from the first iteration; `warmup` and `rho` play no part. */
  readonly kind: "soft" | "constant";
}

const wholeFrom1 = "a whole number ≥ 1";
const fraction = "a fraction in (0, 1]";

/**
 * ⌈ρM⌉, the first iteration at which α is in force.
 *
 * @param iterations M, a whole number ≥ 1
 * @throws {RangeError} when M or ρ is out of range
 */
export function annealingEnd(schedule: Pick<RiskSchedule, "rho">, iterations: number): number {
  requireInteger(iterations, "iterations", 1);
  requireFraction(schedule.rho, "rho");
  return tailCount(iterations, schedule.rho);
}

/**
 * What is wrong with a schedule for a run of M iterations, one sentence a fault; empty when it
 * is sound. For messages at the time the configuration is read; the functions below throw the
 * first of them.
 */
export function validateSchedule(schedule: RiskSchedule, iterations: number): string[] {
  const { alpha, warmup, rho, kind } = schedule;
  const faults: string[] = [];
  const need = (sound: boolean, name: string, value: number, range: string): void => {
    if (!sound) {
      faults.push(`${name} is ${value}: ${range} is needed`);
    }
  };
  need(Number.isSafeInteger(iterations) && iterations >= 1, "iterations", iterations, wholeFrom1);
  need(alpha > 0 && alpha <= 1, "alpha", alpha, fraction);
  if (kind === "soft") {
    need(Number.isSafeInteger(warmup) && warmup >= 0, "warmup", warmup, "a whole number ≥ 0");
    need(rho > 0 && rho <= 1, "rho", rho, fraction);
    if (faults.length === 0 && warmup >= annealingEnd(schedule, iterations)) {
      faults.push(
        `warmup is ${warmup}, but with rho ${rho} and ${iterations} iterations alpha is reached ` +
          `at iteration ${annealingEnd(schedule, iterations)}: the warm start must end before that`,
      );
    }
  }
  return faults;
}

/**
 * α' in force at step m, in [α, 1], never rising with m:
 * 1 for m ≤ n; α for m ≥ ⌈ρM⌉; between them max(α, 1 − K·(m − n)), K = (1 − α)/(⌈ρM⌉ − n).
 *
 * @param step m, a whole number ≥ 0
 * @param iterations M
 * @throws {RangeError} when an argument is out of range, or the warm start is not over before
 *   ⌈ρM⌉
 */
export function alphaInForce(schedule: RiskSchedule, step: number, iterations: number): number {
  requireInteger(step, "step", 0);
  const [first] = validateSchedule(schedule, iterations);
  if (first !== undefined) {
    throw new RangeError(first);
  }
  const { alpha, warmup, kind } = schedule;
  if (kind === "constant") {
    return alpha;
  }
  if (step <= warmup) {
    return 1;
  }
  const end = annealingEnd(schedule, iterations);
  if (step >= end) {
    return alpha;
  }
  return Math.max(alpha, 1 - ((1 - alpha) * (step - warmup)) / (end - warmup));
}

/**
 * ⌈B·α'⌉: episodes kept at step m, in [1, B].
 *
 * @param batch B, a whole number ≥ 1
 * @throws {RangeError} as {@link alphaInForce}
 */
export function keptEpisodes(
  schedule: RiskSchedule,
  step: number,
  iterations: number,
  batch: number,
): number {
  return tailCount(batch, alphaInForce(schedule, step, iterations));
}
