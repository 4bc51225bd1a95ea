import { expect, test } from "vitest";
import { rewardComponents } from "../../../src/config/rewards/components.js";
import { gatherReport, type ReportInput } from "../../../src/report/report-data.js";
import { citationSection } from "../../../src/report/sections/citation.js";
import { methodsSection } from "../../../src/report/sections/methods.js";
import { fixtureRun } from "../fixture.js";

const said = (input: ReportInput): string =>
  methodsSection(gatherReport(input))
    .map((block) => (block.kind === "paragraph" ? block.text : ""))
    .join("\n");

test("the methods say what was trained, scored, decoded, counted and tested", () => {
  const run = fixtureRun({ seeds: [0, 1, 2], iterations: 20, prompts: 50 });
  const text = said(run);
  const { training, rollout } = run.run.experiment.arms["ra-rlhf"]!;
  for (const part of [
    `${training.iterations} iterations of ${training.batch} episodes`,
    `at most ${rollout.new_tokens} tokens, sampled from the whole distribution at temperature 1`,
    "ra-rlhf, risk-averse: CVaR (α = 0.4 by return, lowered from 1 after",
    "the logit of the built-in reward model, given prompt and completion in one",
    "one completion to each of 50 test prompts",
    "A completion with a raw reward under −2.00 counts as harm.",
    "means over 3 seeds (0, 1, 2)",
    "after Holm's correction over the",
    "Certified bounds hold with probability 95 %",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toMatch(/undefined|null|NaN| {2}/);
  const single = fixtureRun({ iterations: 20, prompts: 50 });
  expect(said(single)).toContain("differences between arms are not tested, for that 3 are needed");
});

test("several components each have their weight, and cut decoding is told", () => {
  const run = fixtureRun({ iterations: 20, prompts: 50, several: true });
  const experiment = structuredClone(run.run.experiment);
  Object.assign(experiment.rollout, { top_p: 0.9, temperature: 0.7 });
  const one = rewardComponents(experiment.reward)[0]!;
  Object.assign(experiment, {
    reward: [
      { ...one, name: "quality", weight: 2 },
      { ...one, name: "harmless", weight: 1, text: "completion" },
    ],
  });
  const text = said({ ...run, run: { ...run.run, experiment } });
  expect(text).toContain("sampled with top-p 0.9 at temperature 0.7");
  expect(text).toContain("The reward is the weighted sum of quality (weight 2: the logit of");
  expect(text).toContain("and harmless (weight 1: ");
});

test("BibTeX has the program, the method and the algorithm", () => {
  const code = JSON.stringify(citationSection(gatherReport(fixtureRun({ iterations: 20 }))));
  expect(code).toContain("@software{averse,");
  expect(code).toContain("2501.06911");
  expect(code).toContain("schulman2017ppo");
  expect(code).not.toContain("shao2024");
});
