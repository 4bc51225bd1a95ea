/** How many of the B episodes an iteration keeps, by the `risk` section's own annealing. */
import { requireInteger } from "../../stats/checks.js";
import type { MemoryPart } from "../memory.js";
import { tailCount } from "../tail.js";
import type {
  Annealing,
  AnnealingDecision,
  AnnealingSignals,
  AnnealingTerms,
} from "./annealing.js";
import { annealingEnd } from "./ramp.js";
import { type AnnealingName, annealings } from "./registry.js";

export interface RiskSchedule extends AnnealingTerms {
  readonly annealing: AnnealingName;
}

const fraction = "a fraction in (0, 1]";

/**
 * What is wrong with a schedule for a run of M iterations, one sentence a fault; empty when it
 * is sound. For messages at the time the configuration is read; the functions below throw the
 * first of them.
 */
export function validateSchedule(schedule: RiskSchedule, iterations: number): string[] {
  const { alpha, warmup, rho, annealing } = schedule;
  const faults: string[] = [];
  const need = (sound: boolean, name: string, value: number, range: string): void => {
    if (!sound) {
      faults.push(`${name} is ${value}: ${range} is needed`);
    }
  };
  const wholeFrom1 = "a whole number ≥ 1";
  need(Number.isSafeInteger(iterations) && iterations >= 1, "iterations", iterations, wholeFrom1);
  need(alpha > 0 && alpha <= 1, "alpha", alpha, fraction);
  const reads = kindOf(annealing).reads(schedule);
  if (reads.includes("warmup")) {
    need(Number.isSafeInteger(warmup) && warmup >= 0, "warmup", warmup, "a whole number ≥ 0");
  }
  if (reads.includes("rho")) {
    need(rho > 0 && rho <= 1, "rho", rho, fraction);
  }
  if (faults.length === 0 && reads.includes("warmup") && reads.includes("rho")) {
    const end = annealingEnd(schedule, iterations);
    if (warmup >= end) {
      faults.push(
        `warmup is ${warmup}, but with rho ${rho} and ${iterations} iterations alpha is reached ` +
          `at iteration ${end}: the warm start must end before that`,
      );
    }
  }
  if (faults.length === 0 && reads.includes("annealing_steps")) {
    faults.push(...tableFaults(schedule));
  }
  return faults;
}

/** What is wrong with the table of `steps`, one sentence a fault. */
function tableFaults({ annealing_steps, alpha }: RiskSchedule): string[] {
  if (annealing_steps === null || annealing_steps.length === 0) {
    return ["annealing_steps is empty: [iteration, fraction] pairs are needed"];
  }
  return annealing_steps.flatMap(([from, kept], at) => {
    const [before, keptBefore] = annealing_steps[at - 1] ?? [-1, 1];
    return [
      ...(from > before
        ? []
        : [`iteration ${from} follows on ${before}: ascending ones are needed`]),
      ...(kept <= keptBefore ? [] : [`${kept} follows on ${keptBefore}: fractions must not rise`]),
      ...(kept >= alpha ? [] : [`${kept} is under alpha ${alpha}`]),
    ];
  });
}

/**
 * α' of step m, as far as it is known beforehand: of a closed loop the lowest that it can have come
 * to. In [α, 1], never rising with m.
 *
 * @param step m, a whole number ≥ 0
 * @param iterations M
 * @throws {RangeError} when the schedule is not sound for M, or the step is none
 */
export function plannedAlpha(schedule: RiskSchedule, step: number, iterations: number): number {
  requireInteger(step, "step", 0);
  const [first] = validateSchedule(schedule, iterations);
  if (first !== undefined) {
    throw new RangeError(first);
  }
  return kindOf(schedule.annealing).alphaAt(schedule, step, iterations);
}

/**
 * α' in force at step m.
 *
 * @param memory what the annealing carries from the steps before
 * @throws {RangeError} as {@link plannedAlpha}
 */
export function alphaInForce(
  schedule: RiskSchedule,
  step: number,
  iterations: number,
  memory: MemoryPart,
): number {
  const planned = plannedAlpha(schedule, step, iterations);
  const kind = kindOf(schedule.annealing);
  return kind.follows === "signals" ? kind.inForce(memory) : planned;
}

export interface AnnealingTurn {
  /** For the next step. */
  readonly memory: MemoryPart;
  /** Null: α' follows a plan, and nothing was decided. */
  readonly decision: AnnealingDecision | null;
}

/** What the annealing makes of step m, once its weights and figures are known. */
export function afterStep(
  schedule: RiskSchedule,
  step: number,
  iterations: number,
  memory: MemoryPart,
  signals: AnnealingSignals,
): AnnealingTurn {
  const kind = kindOf(schedule.annealing);
  return kind.follows === "signals"
    ? kind.next(schedule, step, iterations, memory, signals)
    : { memory: null, decision: null };
}

/**
 * ⌈B·α'⌉, in [1, B], with the α' of {@link plannedAlpha}.
 *
 * @param batch B, a whole number ≥ 1
 * @throws {RangeError} as {@link plannedAlpha}
 */
export function keptEpisodes(
  schedule: RiskSchedule,
  step: number,
  iterations: number,
  batch: number,
): number {
  return tailCount(batch, plannedAlpha(schedule, step, iterations));
}

/** First step with α in force, of a closed loop the soonest; M or more: not in this run; null: never. */
export function alphaFrom(schedule: RiskSchedule, iterations: number): number | null {
  return kindOf(schedule.annealing).end(schedule, iterations);
}

function kindOf(name: AnnealingName): Annealing {
  return annealings[name];
}
