/** What differences and figures are worth: tests, corrections, power, certified bounds. */
import { describe, expect, test } from "vitest";
import { aggregate } from "../../src/analysis/aggregate.js";
import type { Comparison } from "../../src/analysis/evaluation.js";
import type { EventPayload, JournalEvent } from "../../src/journal/events.js";
import { certificateLines } from "../../src/report/certificate-words.js";
import { rateBound } from "../../src/stats/beta.js";
import { meanUpperBound } from "../../src/stats/betting-bound.js";
import { cvarLowerBound } from "../../src/stats/certificates.js";
import { holm } from "../../src/stats/holm.js";
import { mean } from "../../src/stats/intervals.js";
import { pairedTest } from "../../src/stats/paired-test.js";
import { generator } from "../../src/stats/random.js";
import { evaluatedPayload } from "../engine/event-payloads.js";
import { type ExperimentChanges, smallExperiment } from "../engine/experiments.js";

const count = 120;
const arms = { sft: {}, rlhf: { risk: { measure: "mean" } }, "ra-rlhf": {} } as const;

/** Final evaluations of every arm and seed; rewards in [−1, 0], better by `gain` in `ra-rlhf`. */
function journal(seeds: readonly number[], gain: readonly number[]): JournalEvent[] {
  const events = seeds.flatMap((seed) =>
    Object.keys(arms).map((arm): [string, EventPayload] => {
      const random = generator(seed + 1);
      const better = arm === "ra-rlhf" ? gain[seed]! : 0;
      const reward = Array.from({ length: count }, (_, at) =>
        at === 5 ? null : Math.min(0, -random() + better),
      );
      const known = reward.filter((one) => one !== null);
      const metrics = {
        reward_mean: mean(known),
        tail_reward: mean(known) + better,
        "cvar_0.1": -0.9 + better,
        harm_rate: known.filter((one) => one < -0.5).length / known.length,
      };
      const toxicity = {
        prompt: [0, 1, 2, 3, 4, 5],
        prompt_toxicity: [0, 0, 0, 0, 0, 0],
        highest: [0.1, 0.2, null, 0.1, 0.3, 0.2],
      };
      const arrays = {
        prompt: Array.from({ length: count }, (_, id) => id),
        prompt_score: Array.from({ length: count }, (_, id) => id / count - 1),
        reward,
        kl: Array(count).fill(0),
        length: Array(count).fill(1),
        toxicity,
      };
      return [`${arm}-s${seed}`, evaluatedPayload({ step: 6, final: true, metrics, arrays })];
    }),
  );
  return events.map(([trial, event], at) => ({ seq: at + 1, time: "", trial, ...event }));
}

function found(seeds: number[], gain: number[], changes: ExperimentChanges = {}) {
  const experiment = smallExperiment({ arms, seeds, ...changes });
  return aggregate(experiment, journal(seeds, gain));
}

const probability = { kind: "classifier", output: "probability", sign: -1 } as const;
const harm = { harm_threshold: -0.5 };

describe("differences", () => {
  const seeds = [0, 1, 2];
  const gain = [0.2, 0.22, 0.25];
  const evaluation = found(seeds, gain, { evaluation: harm });
  const at = (way: Comparison["at"]) => evaluation.comparisons.filter((one) => one.at === way);

  test("have the paired test's p, and Holm's over all metrics of the same way", () => {
    const rows = at("equal-iterations");
    expect(rows).toHaveLength(4);
    const [first] = rows;
    const tails = (arm: string) => evaluation.arms[arm]!.metrics.tail_reward!.per_seed;
    expect(first!.p).toBe(pairedTest(tails("ra-rlhf"), tails("rlhf")).p);
    expect(rows.map(({ p_holm }) => p_holm)).toEqual(holm(rows.map(({ p }) => p)));
    expect(first!.p_holm).toBeGreaterThan(first!.p!);
    // No frontier was taken: nothing was tested there.
    expect(at("equal-kl").every(({ p, p_holm }) => p === null && p_holm === null)).toBe(true);
  });

  test("have an effect size, the seeds they need, and what these seeds could see", () => {
    const [first] = at("equal-iterations");
    expect(first!.effect_size).toBeGreaterThan(5);
    expect(first!.power).toMatchObject({ difference: first!.difference, seeds_needed: 3 });
    expect(first!.power!.detectable).toBeLessThan(first!.difference!);
  });

  test("have an interval over seeds and prompts, and the fraction of prompts that were better", () => {
    const rewards = at("equal-iterations").find(({ metric }) => metric === "reward_mean")!;
    const [low, high] = rewards.ci95_hierarchical!;
    expect(low).toBeLessThan(rewards.difference!);
    expect(high).toBeGreaterThan(rewards.difference!);
    expect(rewards.probability_of_improvement).toBe(1);
    const harmful = at("equal-iterations").find(({ metric }) => metric === "harm_rate")!;
    expect(harmful.probability_of_improvement).toBeNull();
    expect(harmful.ci95_hierarchical![1]).toBeLessThan(0);
  });

  test("of one seed have none of them", () => {
    const one = found([0], [0.2]).comparisons[0]!;
    expect([one.p, one.p_holm, one.effect_size, one.power, one.ci95_hierarchical]).toEqual(
      Array(5).fill(null),
    );
  });

  test("are decided over all risk-neutral arms together", () => {
    const several = {
      ...arms,
      other: { risk: { measure: "mean" }, kl: { beta: 0.4 } },
    } as const;
    // p is 0.04 against each: under 0.05 alone, and not as one of two.
    const spread = [0.15, 0.25, 0.35];
    const alone = found(seeds, spread).conclusion.against_neutral.differences;
    expect(alone[0]).toMatchObject({ p_holm: alone[0]!.p, verdict: "better" });
    const events = journal(seeds, spread);
    const more = events
      .filter(({ trial }) => trial!.startsWith("rlhf"))
      .map((event) => ({ ...event, trial: event.trial!.replace("rlhf", "other") }));
    const experiment = smallExperiment({ arms: several, seeds });
    const both = aggregate(experiment, [...events, ...more]).conclusion.against_neutral.differences;
    expect(both.map(({ p_holm }) => p_holm)).toEqual(both.map(({ p }) => 2 * p!));
    expect(both.map(({ verdict }) => verdict)).toEqual(["undecided", "undecided"]);
  });
});

describe("certified bounds", () => {
  test("hold for all seeds at once: each at δ/S, their mean for the mean", () => {
    const changes = { reward: probability, evaluation: harm };
    const { sft } = found([0, 1], [0, 0], changes).arms;
    const certificates = sft!.certificates!;
    const rewards = journal([0, 1], [0, 0]).flatMap((event) =>
      event.trial!.startsWith("sft") && event.type === "evaluated"
        ? [event.arrays.reward.filter((one) => one !== null)]
        : [],
    );
    const options = { alpha: 0.1, delta: 0.025, lower: -1 };
    const tails = rewards.map((own) => cvarLowerBound(own, options).bound!);
    expect(certificates["cvar_0.1"]).toEqual({
      bound: mean(tails),
      per_seed: tails,
      method: "order-statistics",
      lower: -1,
      missing: null,
      needed: null,
    });
    const harms = rewards.map((own) =>
      rateBound(own.filter((one) => one < -0.5).length, count - 1, 0.025, "upper"),
    );
    expect(certificates.harm_rate).toEqual({ bound: mean(harms), per_seed: harms });
    const maxima = [0.1, 0.2, 0.1, 0.3, 0.2];
    const { bound } = meanUpperBound(maxima, { delta: 0.025, lower: 0, upper: 1 });
    expect(certificates.expected_max_toxicity).toEqual({ bound, per_seed: [bound, bound] });
    expect(certificateLines("sft", certificates)).toEqual([
      expect.stringMatching(
        /^Certified for sft with 95 % probability: CVaR₀\.₁ is at least −0\.\d\d, the harm rate at most 0\.\d{3}, expected maximum toxicity at most [01]\.\d{3}\.$/,
      ),
    ]);
  });

  test("of CVaR are missing where no lower bound of the reward is known", () => {
    const certificates = found([0], [0], { evaluation: harm }).arms.sft!.certificates!;
    expect(certificates["cvar_0.1"]).toMatchObject({ bound: null, missing: "lower-unknown" });
    expect(certificateLines("sft", certificates)[1]).toBe(
      "CVaR₀.₁ of sft has no certified bound: no lower bound of the reward is known " +
        "(evaluation.certificates.lower states one).",
    );
  });

  test("are missing where a reward is under the bound that was stated", () => {
    const evaluation = { ...harm, certificates: { delta: 0.05, lower: -0.5 } };
    const certificates = found([0], [0], { evaluation }).arms.sft!.certificates!;
    expect(certificates["cvar_0.1"]).toMatchObject({ bound: null, missing: "reward-below-lower" });
  });

  test("with too few completions say how many it takes", () => {
    const evaluation = { ...harm, certificates: { lower: -1, delta: 1e-6 } };
    const certificates = found([0], [0], { evaluation }).arms.sft!.certificates!;
    const { needed, missing } = certificates["cvar_0.1"];
    expect(missing).toBe("too-few");
    expect(needed).toBeGreaterThan(count);
    expect(certificateLines("sft", certificates)[1]).toContain(
      `too few completions: at least ${needed} are needed for each seed`,
    );
  });
});
