/** What is told of a risk layer's settings before a run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { problemLine } from "../../src/config/problems.js";
import { checkSchedules } from "../../src/preflight/check-schedule.js";
import { preflight } from "../../src/preflight/preflight.js";
import { scratchFolder } from "../config/scratch-files.js";

const base = `
name: x
arms: [sft, rlhf, ra-rlhf]
training: {iterations: 6, batch: 16, minibatch: 8}
risk: {warmup: 1, rho: 0.5}
`;

function load(yaml: string, set: readonly string[]) {
  const root = scratchFolder();
  const file = join(root, "x.yaml");
  writeFileSync(file, yaml);
  return loadExperiment(file, set, root);
}

/** Keys of the warnings about settings that nothing goes by. */
async function idle(set: readonly string[], yaml = base): Promise<string[]> {
  const { experiment, given } = load(yaml, set);
  const { warnings } = await preflight(experiment, given, {
    assets: "",
    checksModels: false,
    hub: null,
    data: null,
    backend: null,
    disk: null,
    isSet: null,
    folders: [],
  });
  return warnings.filter(({ expected }) => expected.includes("goes by")).map(problemLine);
}

describe("settings that no arm goes by are told", () => {
  test("by file and line, or by --set, with what reads them", async () => {
    expect(await idle([])).toEqual([]);
    expect(await idle(["risk.mixture=0.3"])).toEqual([
      "--set risk.mixture=0.3: risk.mixture: found 0.3 with the measure cvar, expected a setting " +
        "that some arm goes by: this one changes nothing here. Leave it out; `averse config " +
        "explain risk.mixture` says what reads it.",
    ]);
    expect((await idle(["risk.measure=entropic"])).map((line) => line.split(": ")[1])).toEqual([
      "risk.warmup",
      "risk.rho",
    ]);
  });

  test.each([
    ["risk.component_weight=2"],
    ["risk.temperature=2"],
    ["sampling.floor=0.5"],
    ["sampling.strategy=stratified", "sampling.strata=4"],
    ["sampling.strategy=replay", "sampling.hard_fraction=0.3"],
  ])("%s %s", async (...set) => {
    expect(await idle(set)).toHaveLength(1);
  });

  test("not where one arm reads them, and in an arm's own section", async () => {
    const arms = (own: string) => base.replace("[sft, rlhf, ra-rlhf]", `{rlhf: , mine: ${own}}`);
    const mixed = "{risk: {measure: mean-cvar, mixture: 0.2}}";
    expect(await idle(["risk.mixture=0.3"], arms("{risk: {measure: mean-cvar}}"))).toEqual([]);
    expect(await idle([], arms(mixed))).toEqual([]);
    const own = await idle([], arms("{risk: {measure: cvar, mixture: 0.2}}"));
    expect(own).toHaveLength(1);
    expect(own[0]).toContain("arms.mine.risk.mixture: found 0.2");
  });

  test("α is never idle: figures are taken at it; nor is a section of neutral arms alone", async () => {
    expect(await idle(["risk.measure=entropic", "risk.alpha=0.1"])).toHaveLength(2);
    expect(await idle(["arms=rlhf"])).toEqual([]);
  });
});

test("what is kept is told only of measures that drop episodes", () => {
  const schedule = (...set: string[]) =>
    checkSchedules(load(base, ["arms=ra-rlhf", ...set]).experiment).checked[0]?.found;
  const course = "for 2 iterations, then fewer, 7 in the last of 6 (α in force for 3)";
  expect(schedule()).toBe(`16 episodes kept ${course}`);
  expect(schedule("risk.measure=hinge")).toBe(`16 episodes in the tail ${course}; all 16 train`);
  expect(schedule("risk.measure=mean-cvar")).toMatch(/all 16 train$/);
  expect(schedule("risk.measure=mean-cvar", "risk.mixture=1")).toBe(`16 episodes kept ${course}`);
  expect(schedule("risk.measure=entropic")).toBeUndefined();
});
