/** Observations for tests of the terminal's views: short to write, whole as the types ask. */
import type { Happening, JournalEvent } from "../../src/experiment/events.js";
import type { Observation } from "../../src/experiment/observation.js";
import type { PlannedTrial } from "../../src/tui/trial-progress.js";

export const planned: readonly PlannedTrial[] = [
  { id: "sft-s0", stage: "sft", iterations: 0 },
  { id: "rlhf-s0", stage: "rl", iterations: 60 },
  { id: "ra-rlhf-s0", stage: "rl", iterations: 60 },
  { id: "ra-rlhf-hard-s0", stage: "rl", iterations: 60 },
];

export function event(trial: string | null, happening: Happening): Observation {
  const stamp = { seq: 1, time: "2026-11-23T10:00:00.000Z", trial };
  return { kind: "event", event: { ...stamp, ...happening } as JournalEvent };
}

export function progress(
  trial: string,
  phase: string,
  done: number,
  total: number,
  unit = "episodes",
): Observation {
  return { kind: "progress", trial, phase, done, total, unit };
}

export function started(trial: string): Observation {
  const { stage, iterations } = planned.find(({ id }) => id === trial)!;
  const [, arm, seed] = /^(.*)-s(\d+)$/.exec(trial)!;
  return event(trial, { type: "trial_started", arm: arm!, seed: Number(seed), stage, iterations });
}

export function step(
  trial: string,
  number: number,
  figures: { readonly kept?: number } = {},
): Observation {
  const kept = figures.kept ?? 128;
  return event(trial, {
    type: "step",
    step: number,
    alpha: kept / 128,
    kept,
    batch: 128,
    failed: 0,
    reward_mean: 1.26,
    return_mean: 0.9,
    cvar: -1.96,
    var: -0.4,
    tail_mean: -1.2,
    kl_mean: 4.2,
    kl_controlled: 4.2,
    beta: 0.1984,
    entropy: 4,
    loss_policy: 0,
    loss_value: 0,
    clip_fraction: 0,
    approx_kl: 0,
    grad_norm: 0,
    explained_variance: 0,
    learning_rate: 0,
    hard_share: 0,
    length_mean: 46,
    compute: 0,
    memory_bytes: 0,
    seconds: {
      total: 3,
      rollout: 1,
      sample: 1,
      reference: 0,
      reward: 0,
      update: 2,
      controller: 0,
    },
    episodes_per_s: 40,
    episodes: { prompt: [], reward: [], kl: [], return: [], length: [], weight: [] },
  });
}

export function evaluated(trial: string): Observation {
  return event(trial, {
    type: "evaluated",
    step: 60,
    final: true,
    weights: "average",
    compute: 0,
    failed: 0,
    metrics: { reward_mean: 0.12, tail_reward: -2.74, harm_rate: 0.114 },
    arrays: { prompt: [], prompt_score: [], reward: [], judge: null, kl: [], length: [] },
    samples: null,
    memory_bytes: 0,
    seconds: 4,
  });
}

export function finished(trial: string): Observation {
  return event(trial, { type: "trial_finished", seconds: 34 });
}

export function failed(trial: string, message: string): Observation {
  return event(trial, { type: "trial_failed", reason: "memory", message, detail: null });
}
