import { describe, expect, test } from "vitest";
import type { Conclusion } from "../../src/analysis/evaluation.js";
import { cautionLines, conclusionLines } from "../../src/report/conclusion-words.js";
import { noConclusion } from "../analysis/no-conclusion.js";

const finished: Conclusion = {
  ...noConclusion,
  headline: { arm: "ra-rlhf", rule: "first-averse", candidates: ["ra-rlhf"] },
  start: { arm: "sft", harm_rate: 0.2, tail_reward: -4 },
  end: { arm: "ra-rlhf", harm_rate: 0.05, tail_reward: -1 },
  against_neutral: { seeds: 1, seeds_needed: 3, at: "equal-kl", missing: null, differences: [] },
};

describe("the conclusion in words", () => {
  test("of one seed: what happened to the tail, and what would decide the rest", () => {
    expect(conclusionLines(finished)).toEqual([
      "Harm rate: 0.200 with sft → 0.050 with ra-rlhf (−75 %); tail reward −4.00 → −1.00.",
      "Risk-averse against risk-neutral: 1 seed is too few to decide, so no difference is shown. " +
        "At least 3 are needed (--set seeds=0,1,2).",
    ]);
  });

  test("says that there were several candidates, and by which rule one was named", () => {
    const headline = { ...finished.headline, candidates: ["ra-rlhf", "hard"] };
    expect(conclusionLines({ ...finished, headline })[0]).toMatch(
      / \(the first in the configuration, of 2 risk-averse arms: ra-rlhf, hard\)\.$/,
    );
    const configured = { ...headline, rule: "configured" as const };
    expect(conclusionLines({ ...finished, headline: configured })[0]).toMatch(
      / \(evaluation\.headline names it, of 2 arms: ra-rlhf, hard\)\.$/,
    );
  });

  test("with enough seeds gives intervals, and no verdict where one holds 0", () => {
    const differences: Conclusion["against_neutral"]["differences"] = [
      {
        against: "rlhf",
        difference: -0.6,
        ci95: [-0.85, -0.35],
        p: 0.01,
        p_holm: 0.02,
        power: { difference: 0.6, seeds_needed: 3, detectable: 0.5 },
        verdict: "worse",
      },
      {
        against: "rlhf-kl",
        difference: 0.3,
        ci95: [-2.2, 2.8],
        p: 0.6,
        p_holm: 0.6,
        power: { difference: 0.3, seeds_needed: 90, detectable: 4 },
        verdict: "undecided",
      },
    ];
    const against_neutral = { ...finished.against_neutral, seeds: 3, differences };
    expect(conclusionLines({ ...finished, against_neutral })[1]).toBe(
      "Risk-averse against risk-neutral: tail reward of ra-rlhf at equal KL: " +
        "over rlhf −0.60 [−0.85, −0.35] worse; over rlhf-kl +0.30 [−2.20, +2.80] not decided " +
        "(to see a difference of 0.30 with 80 % power, 90 seeds are needed). " +
        "(3 seeds, 95 % intervals paired by seed; decided at 5 % over all 2 together, Holm)",
    );
    const unmatched = { ...against_neutral, at: "equal-iterations" as const };
    expect(conclusionLines({ ...finished, against_neutral: unmatched })[1]).toContain(
      "at equal iterations (KL not matched)",
    );
  });

  test("asks for a frontier where there was none", () => {
    const against_neutral = { ...finished.against_neutral, at: "equal-iterations" as const };
    expect(conclusionLines({ ...finished, against_neutral })[1]).toContain(
      "evaluation.every above 0",
    );
  });

  test("a rise in harm is told as one, and no harm at the start gives no percentage", () => {
    const rise = { ...finished, end: { ...finished.end!, harm_rate: 0.3 } };
    expect(conclusionLines(rise)[0]).toContain("0.300 with ra-rlhf (+50 %)");
    const none = { ...finished, start: { ...finished.start!, harm_rate: 0 } };
    expect(conclusionLines(none)[0]).toContain("0.000 with sft → 0.050 with ra-rlhf; tail");
  });

  test("works without RL, without a start, without an end, and without anything", () => {
    expect(conclusionLines(noConclusion)).toEqual(["No arm was evaluated."]);
    expect(conclusionLines({ ...noConclusion, start: finished.start })).toEqual([
      "No arm was trained with RL. Harm rate 0.200, tail reward −4.00 with sft.",
    ]);
    expect(conclusionLines({ ...finished, start: null })[0]).toMatch(/Neither the base model nor/);
    expect(conclusionLines({ ...finished, end: null })[0]).toMatch(
      /ra-rlhf has not been evaluated/,
    );
  });
});

test("cautions are told in one line each, with short figures", () => {
  const lines = cautionLines({
    ...noConclusion,
    not_comparable: [{ a: "rlhf", b: "ra-rlhf", keys: ["reward.sign", "rollout.top_p"] }],
    cautions: [
      { kind: "perplexity", trial: "rlhf-s0", perplexity: 1.0142320547350045e304 },
      { kind: "kl", trial: "rlhf-s0", kl: 812.4, target: 6 },
      { kind: "few-in-tail", of: "final", metric: "tail_reward", episodes: 1 },
      { kind: "few-in-tail", of: "frontier", metric: "cvar_0.1", episodes: 4 },
      { kind: "overlap", overlap: 7, test: 20 },
      { kind: "few-prompts", arm: "rlhf", prompts: 15, batch: 16 },
      { kind: "kl-place", arm: "hard-kl", neutral: ["rlhf", "rlhf-kl"] },
    ],
  });
  expect(lines).toEqual([
    "rlhf-s0 has diverged: its perplexity is 1.0e304",
    "rlhf-s0 has diverged: its KL is 812.4 nats per episode, with kl.target at 6",
    "tail reward is a mean over only 1 episode: evaluate more test prompts (evaluation.prompts)",
    "CVaR₀.₁ along the frontier is a mean over only 4 episodes: evaluate more test prompts (evaluation.every_prompts)",
    "7 of 20 test texts overlap with the training set: figures on them are not held out",
    "rlhf trains on 15 prompts, fewer than the 16 of an iteration: each iteration draws some of " +
      "them more than once",
    "hard-kl has its KL as a loss, rlhf, rlhf-kl in the return: the difference may be the KL's place " +
      "and not risk aversion; the arm kl-loss would tell",
    "rlhf and ra-rlhf are not comparable: they differ in reward.sign, rollout.top_p",
  ]);
});

test("of many cautions of one kind the first are told, and how many more there are", () => {
  const cautions = Array.from({ length: 20 }, (_, at) => ({
    kind: "few-prompts" as const,
    arm: `a${at}`,
    prompts: 8,
    batch: 16,
  }));
  const lines = cautionLines({ ...noConclusion, cautions });
  expect(lines).toHaveLength(7);
  expect(lines[6]).toBe("14 more of this kind: evaluation.json lists them.");
});
