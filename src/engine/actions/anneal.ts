/** α' of a step, and what the step's figures make of it for the next one. */
import type { ArmConfig } from "../../config/schema/experiment.js";
import type { EventPayload } from "../../journal/events.js";
import type { AnnealingSignals } from "../../risk/annealing/annealing.js";
import { afterStep, alphaInForce } from "../../risk/annealing/schedule.js";
import { klControllerAt, klStageAt } from "../../risk/kl-stages.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import type { MemoryPart } from "../../risk/memory.js";
import { effectiveSampleSize } from "../../risk/weighted-tail.js";
import type { SelectedEpisodes } from "./select-episodes.js";

type StepPayload = Extract<EventPayload, { type: "step" }>;
type Arm = Pick<ArmConfig, "risk" | "kl" | "training">;

/** 1 for measures that know no α. */
export function alphaOf({ risk, training }: Arm, step: number, memory: MemoryPart): number {
  return usesAlpha(risk.measure) ? alphaInForce(risk, step, training.iterations, memory) : 1;
}

export interface Annealed {
  /** For the next step. */
  readonly memory: MemoryPart;
  /** As the journal has it; empty where α' follows a plan and β has no stages. */
  readonly told: Pick<StepPayload, "annealing" | "kl_stage" | "effective">;
}

/**
 * @param kl that the controller of β looks at, nats per episode
 * @param scored episodes that have a reward
 */
export function annealed(
  arm: Arm,
  at: { readonly step: number; readonly memory: MemoryPart },
  { weights, advantages, kept }: SelectedEpisodes,
  { cvar, kl, scored }: { readonly cvar: number; readonly kl: number; readonly scored: number },
): Annealed {
  const { risk, training } = arm;
  const counts = advantages?.map(Math.abs) ?? weights;
  const effective = counts.some((one) => one > 0) ? effectiveSampleSize(counts) : 0;
  const { target, k_beta } = klControllerAt(arm.kl, at.step);
  const stage =
    arm.kl.schedule.length === 0
      ? {}
      : { kl_stage: { from: klStageAt(arm.kl, at.step)?.from ?? 0, target, k_beta } };
  const uneven = isEven(effective, kept) ? {} : { effective };
  if (!usesAlpha(risk.measure)) {
    return { memory: null, told: { ...uneven, ...stage } };
  }
  const signals = { effective, kl, klTarget: target, cvar, batch: scored };
  const { memory, decision } = afterStep(risk, at.step, training.iterations, at.memory, signals);
  const record = decision === null ? {} : { annealing: recordOf(decision, signals, risk) };
  return { memory, told: { ...uneven, ...stage, ...record } };
}

function recordOf(
  {
    alphaNext,
    cause,
    effectiveNext,
    slope,
    slopeError,
  }: NonNullable<ReturnType<typeof afterStep>["decision"]>,
  { effective, kl, klTarget }: AnnealingSignals,
  { adaptive }: Arm["risk"],
): NonNullable<StepPayload["annealing"]> {
  return {
    alpha_next: alphaNext,
    cause,
    signals: {
      effective,
      effective_next: effectiveNext,
      kl,
      kl_limit: adaptive.kl === null ? null : adaptive.kl * klTarget,
      cvar_slope: slope,
      cvar_slope_error: slopeError,
    },
  };
}

/** Single precision makes weights that are meant to be equal a little uneven. */
function isEven(effective: number, kept: number): boolean {
  return Math.abs(kept - effective) <= 1e-6 * kept;
}
