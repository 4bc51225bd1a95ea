/** The event that ends an action well, with plain figures: for machines without workers. */
import type { TrialAction } from "../../src/engine/action.js";
import type { EvaluatedEvent, EventPayload, StepEvent } from "../../src/journal/events.js";

type Own<E> = Omit<E, "seq" | "time" | "trial">;

export function answerTo(action: TrialAction): EventPayload {
  switch (action.kind) {
    case "open":
      return {
        type: "worker_opened",
        pid: 1,
        host: "node-1",
        engine: "e",
        version: "1",
        checkpoints: true,
        figures: { update: {}, evaluate: {}, stage: {} },
      };
    case "load":
      return {
        type: "worker_ready",
        pid: 1,
        engine: "e",
        device: "cpu",
        device_name: "",
        dtype: "float32",
        threads: 1,
        processes: 1,
        strategy: null,
        parameters: 1,
        versions: {},
        nondeterminism: [],
        lacks: [],
        model_settings: {},
        digests: {},
        prompts: { train: 400, test: 100, overlap: 0 },
        rows: null,
        template: null,
        reward_preview: null,
        prompt_scores: {},
        memory_bytes: 0,
        gpu: null,
        seconds: 1,
      };
    case "restore":
      return { type: "restored", step: action.step, path: action.path, seconds: 1 };
    case "sft":
      return {
        type: "sft_finished",
        artifact: null,
        steps: 1,
        kept_step: 1,
        loss_first: 2,
        loss_last: 1,
        curve: [],
        seconds: 1,
      };
    case "step":
      return stepPayload({
        step: action.step,
        beta: action.beta,
        compute: action.compute + 10,
        kl_controlled: 9,
        memory: { annealing: null, measure: { threshold: [action.step] }, sampler: null },
      });
    case "evaluate":
      return evaluatedPayload({ ...action, metrics: { reward_mean: 0 } });
    case "checkpoint":
      return {
        type: "checkpoint_saved",
        step: action.step,
        path: `c/${action.step}`,
        digest: "d",
        bytes: 1,
        seconds: 1,
      };
    case "export":
      return { type: "model_exported", path: `m/${action.trial}`, files: {}, bytes: 1 };
    case "finish":
      return { type: "trial_finished", seconds: 1 };
    case "release":
      return { type: "trial_interrupted", step: action.step, saved: action.saved };
  }
}

export function stepPayload(changes: Partial<Own<StepEvent>>): Own<StepEvent> {
  return {
    type: "step",
    step: 0,
    alpha: 1,
    kept: 1,
    batch: 1,
    failed: 0,
    reward_mean: 0,
    return_mean: 0,
    cvar: 0,
    var: 0,
    tail_mean: 0,
    kl_mean: 0,
    kl_controlled: 0,
    beta: 0.2,
    entropy: 0,
    loss_policy: 0,
    loss_value: 0,
    clip_fraction: 0,
    approx_kl: 0,
    grad_norm: 0,
    explained_variance: 0,
    figures: {},
    learning_rate: 0,
    batch_fraction: 0,
    length_mean: 1,
    compute: 0,
    memory_bytes: 0,
    gpu: null,
    seconds: {
      total: 1,
      rollout: 0,
      sample: 0,
      reference: 0,
      reward: 0,
      update: 0,
      texts: 0,
      controller: 0,
    },
    episodes_per_s: 1,
    episodes: { prompt: [0], reward: [0], kl: [0], return: [0], length: [1], weight: [1] },
    ...changes,
  };
}

export function evaluatedPayload({
  step = 0,
  final = false,
  compute = 0,
  metrics = {},
  arrays = {},
}: {
  step?: number;
  final?: boolean;
  compute?: number;
  metrics?: Record<string, number>;
  arrays?: Partial<EvaluatedEvent["arrays"]>;
}): Own<EvaluatedEvent> {
  return {
    type: "evaluated",
    step,
    final,
    weights: "current",
    compute,
    failed: 0,
    metrics,
    arrays: {
      prompt: [0],
      prompt_score: [0],
      reward: [0],
      judge: null,
      kl: [0],
      length: [1],
      ...arrays,
    },
    samples: null,
    memory_bytes: 0,
    gpu: null,
    seconds: 0,
  };
}
