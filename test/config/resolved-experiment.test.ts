import { expect, test } from "vitest";
import { withValueAt } from "../../src/config/key-path.js";
import { resolvedExperiment } from "../../src/config/resolved-experiment.js";
import { smallExperiment } from "../engine/experiments.js";

/** As a manifest has it, with one value changed; undefined: taken out. */
function configuration(path?: string, value?: unknown): unknown {
  const experiment = smallExperiment();
  const changed = path === undefined ? experiment : withValueAt(experiment, path.split("."), value);
  return JSON.parse(JSON.stringify(changed));
}

test("a resolved configuration comes back as it was", () => {
  expect(resolvedExperiment(configuration())).toEqual(smallExperiment());
});

test.each([
  ["risk.alhpa", 1, /^unknown key `risk\.alhpa`/],
  ["kl.beta", undefined, /^key `kl\.beta` is missing/],
  ["arms.rlhf.training.batch", undefined, /^key `arms\.rlhf\.training\.batch` is missing/],
  ["backend", undefined, /^key `backend` is missing/],
  ["risk.alpha", 2, /^key `risk\.alpha`: /],
  ["arms", ["sft"], /^key `arms`: /],
])("%s as %j is named", (path, value, message) => {
  expect(resolvedExperiment(configuration(path, value))).toMatch(message);
});

test("what is no configuration at all is refused, too", () => {
  expect(resolvedExperiment(null)).toMatch(/^the whole value: /);
});
