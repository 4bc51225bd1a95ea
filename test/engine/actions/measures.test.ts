/** What a final evaluation measures on request, with simulated workers. */
import { describe, expect, test } from "vitest";
import { capabilitySchema, toxicitySchema } from "../../../src/config/schema/measures.js";
import { judgeSchema } from "../../../src/config/schema/scorer.js";
import { planTrials } from "../../../src/config/trials.js";
import { loadPayloadFor } from "../../../src/engine/actions/load-payload.js";
import type { EvaluatedEvent } from "../../../src/journal/events.js";
import { float32Array, float32Bytes, uint32Array } from "../../../src/protocol/arrays.js";
import type { Payload, Result } from "../../../src/protocol/messages.js";
import { mean } from "../../../src/stats/intervals.js";
import { simulatedWorker } from "../../worker/simulated/worker.js";
import { type ExperimentChanges, smallExperiment } from "../experiments.js";
import { Harness, type Trick } from "../run-harness.js";

const toxicity = toxicitySchema.parse({ prompts: 20, completions: 5, new_tokens: 4 });
const fluency = { model: "builtin", revision: null, trust_remote_code: false };
const capability = capabilitySchema.parse({ tasks: ["arc_easy", "lambada_openai"], limit: 3 });
const harm = judgeSchema.parse({ name: "harm", sign: -1, text: "whole", output: "logit" });

function experiment(evaluation: ExperimentChanges["evaluation"]) {
  return smallExperiment({
    parallel: 1,
    arms: { "ra-rlhf": {} },
    evaluation: { every: 2, judges: [harm], harm_threshold: null, ...evaluation },
  });
}

async function ran(evaluation: ExperimentChanges["evaluation"], trick?: Trick) {
  const harness = new Harness(experiment(evaluation), trick);
  const outcome = await harness.run();
  const evaluated = harness.events.filter((event) => event.type === "evaluated");
  return { harness, outcome, evaluated: evaluated as EvaluatedEvent[] };
}

describe("toxicity", () => {
  test("is measured once, at the end, with settings of its own", async () => {
    const calls: Payload<"toxicity">[] = [];
    const { evaluated, outcome } = await ran({ toxicity, fluency }, ({ command, payload }) => {
      if (command === "toxicity") calls.push(payload as Payload<"toxicity">);
      return null;
    });
    expect(outcome.outcome).toBe("done");
    expect(calls).toHaveLength(1);
    const [call] = calls;
    expect(call).toMatchObject({ split: "test", completions: 5, new_tokens: 4, top_p: 0.9 });
    const ids = uint32Array(call!.prompts);
    expect(ids).toHaveLength(20);
    const finals = evaluated.filter(({ final }) => final);
    expect(evaluated.length).toBeGreaterThan(finals.length);
    for (const event of evaluated) {
      expect("expected_max_toxicity" in event.metrics).toBe(event.final);
      expect(event.toxicity === undefined).toBe(!event.final);
    }
    const [{ metrics, toxicity: facts, arrays }] = finals as [EvaluatedEvent];
    expect(facts).toMatchObject({ scorer: "harm", prompts: 20, completions: 5, failed: 0 });
    expect(arrays.toxicity!.prompt).toEqual(Array.from(ids));
    const { highest, prompt_toxicity: own } = arrays.toxicity!;
    expect(metrics.expected_max_toxicity).toBeCloseTo(mean(highest as number[]), 6);
    expect(metrics.toxicity_probability).toBe(highest.filter((one) => one! > 0.5).length / 20);
    const toxic = (highest as number[]).filter((_, i) => own[i]! > 0.5);
    expect(metrics.expected_max_toxicity_toxic).toBeCloseTo(mean(toxic), 6);
    for (const name of ["fluency", "toxicity_fluency", "fluency_left_out", "dist_3_per_prompt"]) {
      expect(metrics, name).toHaveProperty(name);
    }
  });

  test("the sign of the scorer says what its probability is of", async () => {
    const both = await Promise.all(
      ([-1, 1] as const).map(async (sign) => {
        const { evaluated } = await ran({ toxicity, judges: [{ ...harm, sign }] });
        return evaluated.at(-1)!.arrays.toxicity!;
      }),
    );
    const [minus, plus] = both;
    for (const [i, value] of minus!.highest.entries()) {
      expect(plus!.highest[i]).toBeCloseTo(value!, 5);
      expect(plus!.prompt_toxicity[i]).toBeCloseTo(minus!.prompt_toxicity[i]!, 5);
    }
  });

  test("scores that are no probabilities end the trial with the scorer's name", async () => {
    const { outcome } = await ran({ toxicity }, ({ command, pass }) =>
      command !== "toxicity"
        ? null
        : pass().then((result) => {
            const answer = result as Result<"toxicity">;
            const scores = float32Array(answer.completions.scores);
            scores[3] = -3.25;
            const completions = { ...answer.completions, scores: float32Bytes(scores) };
            return { ...answer, completions };
          }),
    );
    expect(outcome).toMatchObject({
      outcome: "failed",
      kind: "input",
      key: "evaluation.toxicity.scorer",
      message: expect.stringContaining("harm with sign -1 gave the score -3.25"),
    });
  });

  test("too many failed scores end the trial, few are left out and told", async () => {
    const failing =
      (count: number): Trick =>
      ({ command, pass }) =>
        command !== "toxicity"
          ? null
          : pass().then((result) => {
              const answer = result as Result<"toxicity">;
              const episodes = Uint32Array.from({ length: count }, (_, i) => i);
              const scores = float32Array(answer.completions.scores);
              const failures = [
                {
                  kind: "timeout" as const,
                  message: "late",
                  episodes: new Uint8Array(episodes.buffer),
                },
              ];
              const bytes = float32Bytes(scores, new Set(episodes));
              return { ...answer, completions: { ...answer.completions, scores: bytes, failures } };
            });
    const few = await ran({ toxicity }, failing(5));
    expect(few.outcome.outcome).toBe("done");
    const last = few.evaluated.at(-1)!;
    expect(last.toxicity!.failed).toBe(5);
    // All five completions of the first prompt: it is in no figure.
    expect(last.arrays.toxicity!.highest.filter((one) => one === null)).toHaveLength(1);
    const warnings = few.harness.events.filter(({ type }) => type === "warning");
    expect(JSON.stringify(warnings)).toContain("toxicity scores");
    const many = await ran({ toxicity }, failing(50));
    expect(many.outcome).toMatchObject({
      outcome: "failed",
      kind: "reward",
      key: "evaluation.judges.0.max_failed_fraction",
    });
  });
});

describe("capability", () => {
  test("its figures are metrics by task and name, with errors in the journal", async () => {
    const { evaluated } = await ran({ capability });
    const { metrics, capability: facts } = evaluated.at(-1)!;
    expect(facts).toMatchObject({ harness: "simulated" });
    expect(facts!.figures.map(({ task }) => task)).toEqual(["arc_easy", "lambada_openai"]);
    expect(metrics.capability_arc_easy_acc).toBe(facts!.figures[0]!.value);
    expect(Object.keys(evaluated[0]!.metrics).join()).not.toContain("capability");
  });

  test("without the harness nothing starts, and the message says how to install it", async () => {
    const worker = async () => {
      const inner = simulatedWorker();
      const { capabilities } = inner.hello;
      const hello = { ...inner.hello, capabilities: { ...capabilities, harness: false } };
      return Object.assign(Object.create(inner), {
        hello,
        call: inner.call.bind(inner),
        close: inner.close.bind(inner),
      });
    };
    const harness = new Harness(experiment({ capability }), undefined, undefined, worker);
    const outcome = await harness.run();
    expect(outcome).toMatchObject({
      outcome: "failed",
      kind: "input",
      key: "evaluation.capability",
      message: expect.stringContaining('pip install "lm-eval[hf]'),
    });
    expect(harness.events.some(({ type }) => type === "worker_ready")).toBe(false);
  });
});

test("only trials that are reported load what evaluations need; completions are scored alone", () => {
  const small = experiment({ toxicity, fluency, capability });
  const payloads = planTrials(small).map((trial) => ({
    reported: trial.reported,
    evaluation: loadPayloadFor(small, trial, null, null).evaluation,
  }));
  expect(payloads.map(({ reported }) => reported)).toEqual([false, true]);
  const tasks = ["arc_easy", "lambada_openai"];
  expect(payloads[0]!.evaluation).toEqual({ toxicity: null, fluency: null, tasks });
  const { evaluation } = payloads[1]!;
  expect(evaluation.toxicity).toMatchObject({
    name: "harm",
    // Whatever the judge itself scores by.
    scorer: { kind: "builtin", text: "completion", output: "probability", sign: -1 },
  });
  expect(evaluation.fluency).toEqual(fluency);
  expect(evaluation.tasks).toEqual(tasks);
});
