import { expect, test } from "vitest";
import type { Certificates, Evaluation } from "../../../src/analysis/evaluation.js";
import { gatherReport } from "../../../src/report/report-data.js";
import { certificatesSection } from "../../../src/report/sections/certificates.js";
import { comparisonsSection } from "../../../src/report/sections/comparisons.js";
import { fixtureRun } from "../fixture.js";

const run = fixtureRun({ seeds: [0, 1, 2] });
const tail: Certificates["cvar_0.1"] = {
  bound: -2.374,
  per_seed: [-2.374],
  method: "order-statistics",
  lower: -5,
  missing: null,
  needed: null,
};
const bounds: Certificates = {
  delta: 0.05,
  "cvar_0.1": tail,
  harm_rate: { bound: 0.0412, per_seed: [0.0412] },
  expected_max_toxicity: null,
};

function sectionOf(certificates: Certificates | null): ReturnType<typeof certificatesSection> {
  const arms: Evaluation["arms"] = Object.fromEntries(
    Object.entries(run.evaluation.arms).map(([name, arm]) => [name, { ...arm, certificates }]),
  );
  return certificatesSection(gatherReport({ ...run, evaluation: { ...run.evaluation, arms } }));
}

test("a row per arm, in the unit of the table of results", () => {
  const table = sectionOf(bounds).find(({ kind }) => kind === "table");
  expect(table).toMatchObject({ head: ["arm", "CVaR₀.₁ at least", "harm rate % at most"] });
  const [first] = (table as Extract<typeof table, { kind: "table" }>)!.rows;
  expect(first!.map(({ main }) => main)).toEqual(["sft", "−2.37", "4.1"]);
  expect(JSON.stringify(sectionOf(bounds))).toContain("at least 95 %");
});

test("no bound is a dash, and says why and what to do", () => {
  const few = { ...tail, bound: null, per_seed: [], missing: "too-few" as const, needed: 37 };
  const blocks = sectionOf({ ...bounds, "cvar_0.1": few });
  expect(blocks).toContainEqual({
    kind: "list",
    items: [
      "No bound of CVaR₀.₁: too few completions: at least 37 are needed for each seed " +
        "(evaluation.prompts).",
    ],
  });
});

test("a record without bounds has no section", () => {
  expect(sectionOf(null)).toEqual([]);
});

test("comparisons that are not decided say how many seeds would be needed", () => {
  const comparisons = run.evaluation.comparisons.map((one) => ({
    ...one,
    p: 0.2,
    p_holm: 0.4,
    power: { difference: 0.3, seeds_needed: 9, detectable: 0.61 },
  }));
  const data = gatherReport({ ...run, evaluation: { ...run.evaluation, comparisons } });
  const text = JSON.stringify(comparisonsSection(data));
  expect(text).toContain(
    "at equal KL is not decided: to see a difference of 0.30 with 80 % power, 9 seeds are needed; " +
      "3 seeds see one of 0.61 or more.",
  );
  expect(text).toContain("Holm’s correction over the");
});

test("of hundreds of pairs they are folded up, and what cautions stays in sight", () => {
  const [one] = run.evaluation.comparisons;
  const power = { difference: 0.3, seeds_needed: 9, detectable: 0.61 };
  const comparisons = Array.from({ length: 13 }, (_, at) => ({
    ...one!,
    ...{ a: `ra-rlhf_alpha=0.${at}`, metric: "tail_reward", p: 0.2, p_holm: 0.4, power },
  }));
  const data = gatherReport({ ...run, evaluation: { ...run.evaluation, comparisons } });
  const blocks = comparisonsSection(data);
  const list = blocks.find(({ kind }) => kind === "list");
  expect(JSON.stringify(list)).toContain("Holm’s correction");
  expect(JSON.stringify(list)).not.toContain("seeds are needed");
  const folded = blocks.find(({ kind }) => kind === "details");
  expect(folded).toMatchObject({
    summary: "What is not decided, and how many seeds would tell: 13 comparisons",
  });
  expect(JSON.stringify(folded).match(/seeds are needed/g)).toHaveLength(13);
});
