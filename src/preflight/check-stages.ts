/** Whether the stages that an experiment has are any use to it. */
import type { Experiment } from "../config/schema/experiment.js";
import { unusedStages } from "../config/stages/violations.js";
import type { Findings } from "./findings.js";

export function checkStages(experiment: Experiment): Findings {
  const unused = unusedStages(experiment);
  const used = Object.entries(experiment.stages).filter(([name]) => !unused.includes(name));
  return {
    checked: used.map(([name, { kind }]) => ({ what: `stage ${name}`, found: kind })),
    warnings: unused.map((name) => ({
      arm: null,
      keys: [`stages.${name}`],
      found: `the stage ${name}, which no key names`,
      expected: `a key that names it, as in policy.model: stage:${name}`,
      remedy: "It is not trained. Remove it, or name it.",
    })),
    problems: [],
  };
}
