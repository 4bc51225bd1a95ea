import { expect, test } from "vitest";
import { resolvedExperiment } from "../../src/config/resolved-experiment.js";
import { smallExperiment } from "../experiment/experiments.js";

const whole = () => JSON.parse(JSON.stringify(smallExperiment()));

test("a resolved configuration comes back as it was", () => {
  expect(resolvedExperiment(whole())).toEqual(smallExperiment());
});

test.each([
  ["a key that is not known", (one: any) => (one.risk.alhpa = 1), /^risk: .*alhpa/],
  ["a key that is missing", (one: any) => delete one.kl.beta, /^kl\.beta: it is missing/],
  [
    "an arm's key that is missing",
    (one: any) => delete one.arms.rlhf.training.batch,
    /^arms\.rlhf\.training\.batch: it is missing/,
  ],
  ["a section that is missing", (one: any) => delete one.backend, /^backend: it is missing/],
  ["a value out of range", (one: any) => (one.risk.alpha = 2), /^risk\.alpha: /],
  ["arms by name alone", (one: any) => (one.arms = ["sft"]), /^arms: /],
])("%s is named", (_, spoil, message) => {
  const spoilt = whole();
  spoil(spoilt);
  expect(resolvedExperiment(spoilt)).toMatch(message);
});

test("what is no configuration at all is refused, too", () => {
  expect(resolvedExperiment(null)).toMatch(/^the whole: /);
});
