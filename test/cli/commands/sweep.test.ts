import { expect, test } from "vitest";
import { averse, buildProgramFirst } from "../averse.js";

buildProgramFirst();

const grid = ["--grid", "risk.alpha=0.2,0.4,0.8", "--grid", "kl.beta=0.1,0.2"];

test("a sweep's plan counts points, trials and iterations, and starts nothing", {
  timeout: 60_000,
}, async () => {
  const args = ["sweep", "smoke", ...grid, "--seeds", "3", "--halving", "--plan-only", "--json"];
  const { code, stdout } = await averse(args);
  expect(code).toBe(0);
  const plan = JSON.parse(stdout);
  expect(plan).toMatchObject({
    type: "plan",
    seeds: [0, 1, 2],
    once: ["sft"],
    halving: { metric: "tail_reward", points: { rlhf: [2, 1, 1], "ra-rlhf": [6, 3, 2] } },
    // SFT thrice, then 8, 4 and 3 points of 6 iterations.
    trials: 18,
    iterations: 90,
  });
  expect(plan.points["ra-rlhf"]).toHaveLength(6);
});

test("many seeds are counted, as one was perhaps meant", { timeout: 60_000 }, async () => {
  const { stdout } = await averse(["sweep", "smoke", ...grid, "--seeds", "310", "--plan-only"]);
  expect(stdout).toContain("310: 0, 1, 2, …, 309");
});

test("a trailing comma names one seed", { timeout: 60_000 }, async () => {
  const args = ["sweep", "smoke", ...grid, "--seeds", "310,", "--plan-only", "--json"];
  expect(JSON.parse((await averse(args)).stdout)).toMatchObject({ seeds: [310] });
});

test.each([
  [["--grid", "risk.alpha=0.2", "--seeds", "7,,"], "as in 0,1,2 or 7, (the seed 7 alone)"],
  [[], "has no sweep.grid"],
  [["--grid", "risk.alpha"], "write key=value,value"],
  [["--grid", "risk.alpha=0.2", "--seeds", "some"], "expected a number of seeds"],
])("refused: averse sweep smoke %j", { timeout: 60_000 }, async (options, words) => {
  const { code, stderr } = await averse(["sweep", "smoke", ...options]);
  expect(code).toBe(2);
  expect(stderr).toContain(words);
});
