import { expect, test } from "vitest";
import type { FrontierPoint } from "../../src/analysis/evaluation.js";
import { experimentSchema } from "../../src/config/schema/experiment.js";
import { qualityAndTail } from "../../src/report/plots/quality-and-tail.js";
import { gatherReport } from "../../src/report/report-data.js";
import { fixtureRun } from "./fixture.js";

const plain = fixtureRun({ arms: ["sft", "rlhf", "ra-rlhf"], seeds: [0, 1] });

const { reward } = experimentSchema.parse({
  name: "joint",
  reward: [
    { name: "quality", kind: "length", weight: 2 },
    { name: "tone", kind: "length" },
    { name: "harmless", kind: "length" },
  ],
});

/** Two checkpoints of two seeds; `shift` sets arms apart. */
function points(shift: number): FrontierPoint[] {
  return [0, 1].flatMap((seed) =>
    [10, 20].map((step) => ({
      ...{ seed, step, kl: 1, compute: 1, tail_reward: 9, reward_mean: 9, "cvar_0.1": 9 },
      ...{ dist_2: 1, harm_rate: null },
      components: {
        quality: { reward_mean: step + seed + shift, "cvar_0.1": -9 },
        tone: { reward_mean: 0.5, "cvar_0.1": -9 },
        harmless: { reward_mean: 0, "cvar_0.1": shift - step - seed },
      },
    })),
  );
}

function joint(component: string) {
  const { experiment } = plain.run;
  const arms = Object.fromEntries(
    Object.entries(experiment.arms).map(([name, arm]) => [
      name,
      { ...arm, reward, risk: { ...arm.risk, component } },
    ]),
  );
  const metric = (mean: number) => ({ mean, sd: null, ci95: null, per_seed: [mean] });
  const sft = {
    seeds: [0],
    certificates: null,
    metrics: {
      reward_mean_quality: metric(3),
      reward_mean_tone: metric(1),
      "cvar_0.1_harmless": metric(-7),
    },
  };
  return gatherReport({
    ...plain,
    run: { ...plain.run, experiment: { ...experiment, arms } },
    evaluation: {
      ...plain.evaluation,
      arms: { ...plain.evaluation.arms, sft },
      frontier: { rlhf: points(0), "ra-rlhf": points(100) },
    },
  });
}

test("each arm's tail of the component, against the weighted mean of the others", () => {
  const spec = qualityAndTail(joint("harmless"))!;
  const [panel, ...more] = spec.panels;
  expect(more).toEqual([]);
  expect(panel!.x.name).toBe("mean of 2 · quality + tone, raw");
  expect(panel!.y.name).toBe("CVaR at 0.1 of harmless, raw");
  const of = (name: string) => panel!.curves.filter((curve) => curve.name === name);
  // The mean over both seeds at each checkpoint.
  expect(of("rlhf").map(({ points }) => points)).toEqual([
    [
      { x: 21.5, y: -10.5 },
      { x: 41.5, y: -20.5 },
    ],
  ]);
  expect(of("rlhf")[0]!.band).toEqual([
    { x: 21.5, low: -10.5 - Math.SQRT1_2, high: -10.5 + Math.SQRT1_2 },
    { x: 41.5, low: -20.5 - Math.SQRT1_2, high: -20.5 + Math.SQRT1_2 },
  ]);
  expect(of("ra-rlhf")).toHaveLength(1);
  // SFT has no checkpoints: one point, of its final evaluation.
  expect(of("sft").map(({ points }) => points)).toEqual([[{ x: 7, y: -7 }]]);
});

test("nothing where risk acts on the whole reward", () => {
  expect(qualityAndTail(joint("combined"))).toBeNull();
  expect(qualityAndTail(gatherReport(plain))).toBeNull();
});
