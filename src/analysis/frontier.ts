/**
 * How far each RL arm came, and at what cost in KL and trained tokens, along its checkpoints. An arm
 * that decodes in its own way is one point.
 */

import { isFrontierStep, type Trial } from "../config/trials.js";
import type { EvaluatedEvent } from "../journal/events.js";
import { familyMember, metricOf } from "../text/metric-words.js";
import type { FrontierPoint } from "./evaluation.js";
import type { RunFigures } from "./trial-figures.js";

/**
 * A trial's points in the order of its steps. The policy that it started from is its step 0: the
 * SFT trial's own evaluation on the same prompts, or, without SFT, that of the trial itself. A
 * trial without points of its own has no frontier. Evaluations that a user requested in between are
 * left out: they must not move what is interpolated.
 */
export function frontierOf(trial: Trial, figures: RunFigures): FrontierPoint[] {
  const taken = figures.get(trial.id)?.frontier.values() ?? [];
  const own = [...taken].filter(({ step }) => isFrontierStep(trial, step));
  if (own.length === 0) {
    return [];
  }
  const start =
    trial.after === null || trial.stage === "decode"
      ? undefined
      : figures.get(trial.after)?.frontier.get(0);
  return [...(start === undefined ? [] : [start]), ...own]
    .map((event) => pointOf(event, trial.seed))
    .sort((a, b) => a.step - b.step);
}

/** By arm, of those that start from SFT: the points of all its seeds. Empty arms are left out. */
export function frontiers(
  trials: readonly Trial[],
  figures: RunFigures,
): Record<string, FrontierPoint[]> {
  const byArm: Record<string, FrontierPoint[]> = {};
  for (const trial of trials) {
    const isPoint = trial.stage === "rl" || trial.stage === "decode";
    const points = isPoint ? frontierOf(trial, figures) : [];
    if (points.length > 0) {
      byArm[trial.arm] = [...(byArm[trial.arm] ?? []), ...points];
    }
  }
  return byArm;
}

function pointOf(
  { step, compute, metrics }: Pick<EvaluatedEvent, "step" | "compute" | "metrics">,
  seed: number,
): FrontierPoint {
  return {
    seed,
    step,
    kl: metrics.kl_mean!,
    compute,
    tail_reward: metrics.tail_reward!,
    reward_mean: metrics.reward_mean!,
    "cvar_0.1": metrics["cvar_0.1"]!,
    dist_2: metrics.dist_2!,
    harm_rate: metrics.harm_rate ?? null,
    ...componentsOf(metrics),
  };
}

function componentsOf(metrics: EvaluatedEvent["metrics"]): Pick<FrontierPoint, "components"> {
  const names = Object.keys(metrics).flatMap((metric) => {
    const member = familyMember(metric);
    return member?.family === "cvar_0.1" ? [member.name] : [];
  });
  return names.length === 0
    ? {}
    : {
        components: Object.fromEntries(
          names.map((name) => [
            name,
            {
              reward_mean: metrics[metricOf("reward_mean", name)]!,
              "cvar_0.1": metrics[metricOf("cvar_0.1", name)]!,
            },
          ]),
        ),
      };
}
