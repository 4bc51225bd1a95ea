import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { valueAtKey } from "../../../src/config/key-path.js";
import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError } from "../../../src/config/problems.js";
import { resolvedExperiment } from "../../../src/config/resolved-experiment.js";
import { planTrials } from "../../../src/config/trials.js";
import { scratchFile } from "../scratch-files.js";

function load(yaml: string, ...set: string[]) {
  return loadExperiment(scratchFile(yaml), set);
}

function refusal(yaml: string, ...set: string[]): string {
  try {
    load(yaml, ...set);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

const grid = `name: tiny
sweep:
  grid:
    risk.alpha: [0.2, 0.4]
    kl.beta: [0.1, 0.3]
`;

describe("a grid", () => {
  test("is an arm per combination, and one per value of what a key cannot change", () => {
    const { experiment } = load(grid);
    expect(Object.keys(experiment.arms)).toEqual([
      "sft",
      "rlhf_beta=0.1",
      "rlhf_beta=0.3",
      "ra-rlhf_alpha=0.2_beta=0.1",
      "ra-rlhf_alpha=0.2_beta=0.3",
      "ra-rlhf_alpha=0.4_beta=0.1",
      "ra-rlhf_alpha=0.4_beta=0.3",
    ]);
    expect(experiment.arms["ra-rlhf_alpha=0.2_beta=0.3"]).toMatchObject({
      risk: { measure: "cvar", alpha: 0.2 },
      kl: { beta: 0.3 },
    });
    // Its own measure knows no α: the experiment's value stays.
    expect(experiment.arms["rlhf_beta=0.3"]).toMatchObject({
      risk: { alpha: 0.4 },
      kl: { beta: 0.3 },
    });
    expect(experiment.sweep.points[2]).toEqual({
      arm: "ra-rlhf_alpha=0.2_beta=0.1",
      of: "ra-rlhf",
      values: { "risk.alpha": 0.2, "kl.beta": 0.1 },
    });
  });

  test("starts all points from the one SFT model of their seed", () => {
    const trials = planTrials(load(grid, "seeds=0,1").experiment);
    expect(trials.filter(({ fineTunes }) => fineTunes).map(({ id }) => id)).toEqual([
      "sft-s0",
      "sft-s1",
    ]);
    expect(new Set(trials.filter(({ stage }) => stage === "rl").map(({ after }) => after))).toEqual(
      new Set(["sft-s0", "sft-s1"]),
    );
  });

  test("is a point as --set would make it, whatever the keys and values", () => {
    const values = fc.uniqueArray(
      fc.integer({ min: 10, max: 99 }).map((n) => n / 100),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(values, values, (alphas, betas) => {
        const { experiment } = load(
          "name: tiny\narms: [ra-rlhf]\n",
          `sweep.grid.risk.alpha=${alphas.join(",")}`,
          `sweep.grid.kl.beta=${betas.join(",")}`,
        );
        expect(experiment.sweep.points).toHaveLength(alphas.length * betas.length);
        for (const { arm, values: own } of experiment.sweep.points) {
          const settings = Object.entries(own).map(
            ([key, value]) => `${key}=${JSON.stringify(value)}`,
          );
          const alone = load("name: tiny\narms: [ra-rlhf]\n", ...settings).experiment;
          expect(experiment.arms[arm]).toEqual(alone.arms["ra-rlhf"]);
        }
      }),
      { numRuns: 8 },
    );
  });

  test("comes back from a manifest as it is", () => {
    const { experiment } = load(grid);
    expect(resolvedExperiment(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
  });

  test("names one value of an arm's own key, and a key by its section where two are alike", () => {
    expect(
      Object.keys(load("name: t\n", "sweep.grid.arms.ra-rlhf.kl.beta=0.1").experiment.arms),
    ).toEqual(["sft", "rlhf", "ra-rlhf_beta=0.1"]);
    const both = load(
      "name: t\narms: {mix: {risk: {measure: entropic}}}\n",
      "sweep.grid.risk.temperature=1",
      "sweep.grid.rollout.temperature=0.8",
    );
    expect(Object.keys(both.experiment.arms)).toEqual([
      "mix_risk.temperature=1_rollout.temperature=0.8",
    ]);
  });

  test("gives up a name that would be too long for the point's number", () => {
    const arm = "a-name-of-an-arm-that-is-as-long-as-it-may-be-and-not-shorter";
    const { experiment } = load(
      `name: t\narms: {${arm}: {kl: {target: 5}}}\n`,
      "sweep.grid.kl.beta=0.1,0.2",
    );
    const names = Object.keys(experiment.arms);
    expect(names).toEqual([1, 2].map((nth) => `${arm.slice(0, 48)}_point=${nth}`));
    expect(experiment.arms[names[1]!]!.kl.beta).toBe(0.2);
  });

  test("leaves out keys that another key of the point switches off", () => {
    const { experiment } = load(
      "name: t\narms: [ra-rlhf]\n",
      "sweep.grid.risk.measure=cvar,entropic",
      "sweep.grid.risk.alpha=0.2,0.4",
    );
    expect(Object.keys(experiment.arms)).toEqual([
      "ra-rlhf_measure=cvar_alpha=0.2",
      "ra-rlhf_measure=cvar_alpha=0.4",
      "ra-rlhf_measure=entropic",
    ]);
  });

  test("that is taken back leaves the experiment as it was", () => {
    const { experiment } = load(`${grid}  keep: 0.4\n`, "sweep.grid={}");
    expect(Object.keys(experiment.arms)).toEqual(["sft", "rlhf", "ra-rlhf"]);
    expect(experiment.sweep.points).toEqual([]);
  });

  test("moves a headline that it sweeps to its first point", () => {
    const { experiment } = load(grid, "evaluation.headline=ra-rlhf");
    expect(experiment.evaluation.headline).toBe("ra-rlhf_alpha=0.2_beta=0.1");
  });
});

describe("points drawn at random", () => {
  const drawn = (seed: number, count = 5) =>
    load(
      "name: t\narms: [ra-rlhf]\n",
      "sweep.grid.risk.alpha=0.1..0.9",
      "sweep.grid.training.learning_rate=log:1e-6..1e-4",
      "sweep.grid.training.epochs=1..4",
      `sweep.random=${count}`,
      `sweep.draw=${seed}`,
    ).experiment;

  test("lie in their ranges, are different and the same for the same seed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const { sweep, arms } = drawn(seed);
        expect(drawn(seed).sweep).toEqual(sweep);
        expect(new Set(sweep.points.map(({ values }) => JSON.stringify(values))).size).toBe(5);
        for (const { arm } of sweep.points) {
          const { risk, training } = arms[arm]!;
          expect(risk.alpha).toBeGreaterThanOrEqual(0.1);
          expect(risk.alpha).toBeLessThanOrEqual(0.9);
          expect(training.learning_rate).toBeGreaterThanOrEqual(1e-6);
          expect(training.learning_rate).toBeLessThanOrEqual(1e-4);
          expect([1, 2, 3, 4]).toContain(training.epochs);
        }
      }),
      { numRuns: 5 },
    );
    expect(drawn(0).sweep.points).not.toEqual(drawn(1).sweep.points);
  });

  test("of a log range are even in its logarithm", () => {
    const rates = drawn(3, 200).sweep.points.map(
      ({ values }) => values["training.learning_rate"] as number,
    );
    const under = rates.filter((rate) => rate < 1e-5).length;
    // Half of them, by four standard deviations of a binomial.
    expect(Math.abs(under - 100)).toBeLessThan(4 * Math.sqrt(50));
  });

  test("of lists are some of the grid's", () => {
    const { experiment } = load(`${grid}  random: 3\n`, "arms=ra-rlhf");
    const all = load(grid, "arms=ra-rlhf").experiment.sweep.points.map(({ arm }) => arm);
    const some = experiment.sweep.points.map(({ arm }) => arm);
    expect(some).toHaveLength(3);
    expect(all).toEqual(expect.arrayContaining(some));
  });
});

describe("refused, with the place and what to do", () => {
  test.each([
    ["sweep.grid.risk.alpha=0.2,1.5", "risk.alpha: found 1.5, expected a number over 0"],
    ["sweep.grid.risk.alpha=0.2,0.2", "the value 0.2 more than once"],
    ["sweep.grid.risk.alfa=0.2", "found an unknown key"],
    ["sweep.grid.risk=1", "risk, a section"],
    ["sweep.grid.sft.steps=3,4", "averse run … --set sft.steps=…"],
    ["sweep.grid.seeds=1,2", "use --seeds"],
    ["sweep.grid.risk.alpha=0.2..0.4", "--random N"],
    ["sweep.grid.risk.alpha=0.01,0.4", "(in the arm ra-rlhf_alpha=0.01)"],
    ["sweep.grid.risk.temperature=1,2", "changes none of the swept arms"],
    ["sweep.random=2", "2 without a grid"],
    ["sweep.grid.arms.nobody.kl.beta=1", "the arm nobody, which this experiment does not train"],
  ])("%s", (set, words) => {
    const message = refusal("name: t\ntraining: {batch: 16}\n", set);
    expect(message).toContain(`--set ${set}`);
    expect(message).toContain(words);
  });

  test.each([
    [["sweep.halving=tail_reward"], "halving with one seed"],
    [["sweep.keep=0.3"], "0.3 without sweep.halving"],
    [["sweep.halving=judge_tail", "seeds=0,1", "evaluation.judges=[]"], "there is no judge"],
    [["sweep.halving=harm_rate", "seeds=0,1", "evaluation.harm_threshold=null"], "not measured"],
    [["sweep.random=9"], "9 points of a grid that has 4"],
    [["sweep.arms=sft"], "the arm sft, which this experiment does not train with RL or decode"],
    [["kl.beta=0.7"], "an override that no arm uses"],
  ])("%j of a grid", (set, words) => {
    expect(refusal(grid, ...set)).toContain(words);
  });

  test("a wrong value in the file, at its line", () => {
    expect(refusal(grid.replace("0.2, ", "0, "))).toMatch(/x\.yaml:4:\d+: risk\.alpha: found 0,/);
  });

  test("a grid of more arms than a run can have", () => {
    const many = Array.from({ length: 40 }, (_, at) => (at + 1) / 100).join(",");
    expect(
      refusal("name: t\n", `sweep.grid.kl.beta=${many}`, `sweep.grid.kl.target=${many}`),
    ).toContain("found 3200 points, expected at most 1000");
  });

  test("a key of an arm that --set arms leaves out goes with it, another one is refused", () => {
    const own = `name: t
arms: [sft, rlhf, ra-rlhf]
sweep: { grid: { arms.rlhf.kl.beta: [0.1, 0.2], arms.ra-rlhf.kl.beta: [0.3, 0.4] } }
`;
    const { sweep, arms } = load(own, "arms=sft,rlhf").experiment;
    expect(Object.keys(arms)).toEqual(["sft", "rlhf_beta=0.1", "rlhf_beta=0.2"]);
    expect(Object.keys(sweep.grid)).toEqual(["arms.rlhf.kl.beta"]);
    expect(refusal(own.replace("[sft, rlhf, ra-rlhf]", "[sft, rlhf]"))).toContain(
      "the arm ra-rlhf, which this experiment does not train",
    );
  });

  test("but keys of one arm multiply nothing in the others", () => {
    const few = Array.from({ length: 40 }, (_, at) => (at + 1) / 100).join(",");
    const { sweep } = load(
      "name: t\n",
      `sweep.grid.arms.rlhf.kl.beta=${few}`,
      `sweep.grid.arms.ra-rlhf.kl.beta=${few}`,
    ).experiment;
    expect(sweep.points).toHaveLength(80);
    expect(sweep.points.every(({ values }) => Object.keys(values).length === 1)).toBe(true);
  });

  test("several values of one key, with the way to a sweep", () => {
    expect(refusal("name: t\n", "risk.alpha=0.2,0.4")).toContain(
      "averse sweep EXPERIMENT --grid risk.alpha=0.2,0.4",
    );
    expect(refusal("name: t\n", "risk.measure=cvar,mean")).toContain(
      "--grid risk.measure=cvar,mean",
    );
    // Not of a key that no sweep can vary.
    expect(refusal("name: t\n", "sft.steps=1,2")).not.toContain("averse sweep");
  });
});

test("where an arm's values came from is told", () => {
  const { origins } = load(grid, "sweep.grid.kl.beta=0.5");
  expect(origins["arms.ra-rlhf_alpha=0.2_beta=0.5.risk.alpha"]).toBe("file");
  expect(origins["arms.ra-rlhf_alpha=0.2_beta=0.5.kl.beta"]).toBe("override");
  expect(valueAtKey(load(grid).experiment, ["sweep", "grid", "kl.beta"])).toEqual([0.1, 0.3]);
});
