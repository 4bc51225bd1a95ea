/** What a risk measure needs of reward, algorithm and batch, refused before a run. */
import { describe, expect, test } from "vitest";
import { armViolations } from "../../src/config/checks.js";
import { rewardComponents } from "../../src/config/rewards/components.js";
import type { ArmConfig } from "../../src/config/schema/experiment.js";
import { riskMeasureNames, riskMeasures } from "../../src/risk/measures/registry.js";
import { smallExperiment } from "../engine/experiments.js";

const two = [
  { name: "quality", kind: "length", unit: "words", target: 8 },
  { name: "harm", kind: "length", unit: "words", target: 9 },
] as const;
const rloo = { algorithm: "rloo", completions: 4 } as const;

type Arm = { readonly [S in "risk" | "training" | "kl"]?: Partial<ArmConfig[S]> };

function violations(arm: Arm, reward: readonly object[] | null = null) {
  const { mine } = smallExperiment({
    ...(reward === null ? {} : { reward: reward as never }),
    arms: { mine: arm },
  }).arms;
  return armViolations("mine", mine!);
}

/** Keys first, then what was found, expected and to be done. */
function told(arm: Arm, reward: readonly object[] | null = null): string {
  const found = violations(arm, reward);
  expect(found).toHaveLength(1);
  const { keys, found: what, expected, remedy } = found[0]!;
  return `${keys[0]}: ${what}; ${expected}. ${remedy}`;
}

test.each(riskMeasureNames)("%s: there is a combination with which it is accepted", (measure) => {
  const own = riskMeasures[measure];
  const component = own.component === "required" ? "harm" : "combined";
  expect(violations({ risk: { measure, component }, training: rloo }, two)).toEqual([]);
});

test.each(riskMeasureNames)("%s with ppo: only what a critic cannot take is refused", (measure) => {
  const { answers, component, populations } = riskMeasures[measure];
  const risk = { measure, component: component === "required" ? "harm" : "combined" };
  const completions = populations[0] === "prompt" ? 4 : 1;
  const found = violations({ risk, training: { completions } }, two);
  expect(found.map(({ keys }) => keys)).toEqual(
    answers === "advantages" ? [["risk.measure", "training.algorithm"]] : [],
  );
});

describe("signed advantages", () => {
  test("have no place with a critic, and the nearest weights are named", () => {
    expect(told({ risk: { measure: "spectral-policy-gradient" } })).toMatch(
      /^risk.measure: .*algorithm ppo, whose critic.*; an algorithm without a critic.*Set training.algorithm to reinforce, or risk.measure to spectral\.$/,
    );
    expect(told({ risk: { measure: "range-var" } })).toMatch(/risk.measure to cvar or hinge\.$/);
  });
});

describe("a component", () => {
  test("that there is none of: the nearest name", () => {
    expect(told({ risk: { component: "harn" }, training: rloo }, two)).toMatch(
      /^risk.component: the component harn; one of quality, harm, combined\. Set risk.component to harm\.$/,
    );
  });

  test("of one is the whole reward", () => {
    const [alone] = rewardComponents(smallExperiment().arms["ra-rlhf"]!.reward);
    expect(told({ risk: { component: alone!.name }, training: rloo })).toMatch(/the whole reward/);
  });

  test("has no advantages of its own where there is a critic, but rewards, and a mean", () => {
    expect(told({ risk: { component: "harm" } }, two)).toMatch(/all components together.*hinge/);
    for (const measure of ["hinge", "mean"] as const) {
      expect(violations({ risk: { measure, component: "harm" } }, two)).toEqual([]);
    }
  });

  test("plays no part where all are taken apart, and must be named where one is a cost", () => {
    expect(told({ risk: { measure: "soft-minimum", component: "harm" } }, two)).toMatch(
      /takes all components apart; combined/,
    );
    expect(told({ risk: { measure: "mean-deviation-cost" } }, two)).toMatch(
      /one component as a cost; one of quality, harm/,
    );
    expect(told({ risk: { measure: "soft-minimum" } })).toMatch(/^risk.measure: .*one component/);
  });

  test("is ranked by what it adds to the reward alone", () => {
    const risk = { component: "harm", statistic: "prompt-score" } as const;
    expect(told({ risk, training: rloo }, two)).toMatch(
      /^risk.statistic: the statistic prompt-score/,
    );
  });
});

describe("a population", () => {
  test("that a measure cannot be taken over, with the reason and who can", () => {
    expect(told({ risk: { measure: "hinge", population: "prompt" }, training: rloo })).toMatch(
      /^risk.population: .*one for all prompts.*; batch\. .*cvar-policy-gradient/,
    );
    expect(told({ risk: { population: "window" } })).toMatch(/follows nothing from batch to batch/);
    expect(told({ risk: { population: "components" } })).toMatch(
      /set risk.measure to soft-minimum/,
    );
    expect(
      told({ risk: { measure: "worst-of-group", population: "batch" }, training: rloo }),
    ).toMatch(/its own prompt/);
  });

  test("of a prompt needs completions, and a tail of at least one of them", () => {
    expect(told({ risk: { population: "prompt" } })).toMatch(/^training.completions: 1 completion/);
    const risk = { population: "prompt", alpha: 0.2 } as const;
    expect(told({ risk, training: rloo })).toMatch(
      /α·n = 0.2 · 4.*Raise training.completions to 5 or risk.alpha to 0.25/,
    );
    expect(violations({ risk: { ...risk, alpha: 0.25 }, training: rloo })).toEqual([]);
  });

  test("is nothing to the mean", () => {
    expect(violations({ risk: { measure: "mean", population: "prompt" } })).toEqual([]);
  });
});

describe("settings", () => {
  test("a threshold can be solved for one α, from several completions, with a KL penalty", () => {
    const risk = { measure: "hinge", threshold: "solved", annealing: "constant" } as const;
    expect(violations({ risk, training: { completions: 4 } })).toEqual([]);
    expect(told({ risk })).toMatch(/^training.completions/);
    expect(told({ risk, training: { completions: 4 }, kl: { beta: 0 } })).toMatch(/^kl.beta/);
    expect(told({ risk: { ...risk, annealing: "soft" }, training: { completions: 4 } })).toMatch(
      /^risk.annealing/,
    );
    // Who does not read it is not asked.
    expect(violations({ risk: { threshold: "solved" } })).toEqual([]);
  });

  test("levels in order, and a distortion's own range", () => {
    const training = rloo;
    expect(
      told({ risk: { measure: "range-var", lower_level: 0.9, upper_level: 0.9 }, training }),
    ).toMatch(/^risk.lower_level/);
    expect(
      told({ risk: { measure: "spectral", distortion: "cpw", distortion_parameter: 2 } }),
    ).toMatch(/0.3 to 1.*it is 0.71 then/);
  });

  test("a prefix baseline is no part of a reward that is replaced", () => {
    expect(told({ risk: { measure: "hinge" }, training: { prefix_baseline: true } })).toMatch(
      /^training.prefix_baseline/,
    );
  });
});

test("raft and quark refuse measures that would undo them, or that they do not look at", () => {
  const raft = { algorithm: "raft", completions: 4, epochs: 1 } as const;
  const quark = { algorithm: "quark" } as const;
  const signed = { measure: "cvar-policy-gradient" } as const;
  const found = "risk.measure: the measure";
  expect(told({ risk: signed, training: raft })).toContain(`${found} cvar-policy-gradient`);
  const kl = { loss: "exact" } as const;
  expect(told({ risk: signed, training: quark, kl })).toContain("take the place of");
  expect(told({ risk: { measure: "hinge" }, training: quark, kl })).toContain("does not look at");
  expect(violations({ risk: { measure: "hinge" }, training: raft })).toEqual([]);
  expect(violations({ risk: { measure: "cvar" }, training: quark, kl })).toEqual([]);
});
