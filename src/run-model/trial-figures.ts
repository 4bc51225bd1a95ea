/** The figures of a trial that say how it stands, beside those of the others. */
import type { TrialModel } from "./run-model.js";

/** Of the newest iteration's batch. */
export interface TrainingFigures {
  /** Raw. */
  readonly reward: number;
  /** Of the returns, at the arm's α. */
  readonly cvar: number;
  /** Nats. */
  readonly kl: number;
}

/** Of the newest evaluation, on test prompts; null: it was not measured. */
export interface EvaluationFigures {
  /** Raw. */
  readonly reward: number | null;
  /** Mean of the worst tenth of the raw rewards. */
  readonly cvar: number | null;
  /** Fraction of the completions. */
  readonly harm: number | null;
}

export function trainingFigures({ steps }: Pick<TrialModel, "steps">): TrainingFigures | null {
  const head = steps.at(-1)?.head;
  return head === undefined
    ? null
    : { reward: head.reward_mean, cvar: head.cvar, kl: head.kl_mean };
}

export function evaluationFigures({
  evaluations,
}: Pick<TrialModel, "evaluations">): EvaluationFigures | null {
  const metrics = evaluations.at(-1)?.head.metrics;
  return metrics === undefined
    ? null
    : {
        reward: metrics.reward_mean ?? null,
        cvar: metrics["cvar_0.1"] ?? null,
        harm: metrics.harm_rate ?? null,
      };
}

/** Phases of one iteration: they come and go too fast to be told where many trials are. */
const iterationPhases: readonly string[] = ["sample", "reference", "reward", "update"];

/** What a trial is at that is worth a word: loading, fine-tuning, evaluating; null: its iterations. */
export function phaseToTell({ phase, stage }: Pick<TrialModel, "phase" | "stage">): string | null {
  if (phase === null || (stage === "rl" && iterationPhases.includes(phase.name))) {
    return null;
  }
  return phase.total > 0 ? `${phase.name} ${phase.done}/${phase.total}` : phase.name;
}
