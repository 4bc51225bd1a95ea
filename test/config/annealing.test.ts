import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { scratchFile } from "./scratch-files.js";

const risk = (yaml: string, ...set: string[]) =>
  loadExperiment(scratchFile(`name: x\ntraining: {iterations: 200}\n${yaml}`), set).experiment.arms[
    "ra-rlhf"
  ]!.risk;

const refusal = (yaml: string, ...set: string[]) => {
  try {
    risk(yaml, ...set);
    return "";
  } catch (error) {
    return (error as Error).message.replaceAll(/^\/\S*\//gm, "");
  }
};

describe("risk.schedule is risk.annealing under its second name", () => {
  test.each([
    ["in the file", "risk: {schedule: constant}", []],
    ["after --set", "", ["risk.schedule=constant"]],
    ["in a section after --set", "", ["risk={schedule: constant}"]],
    ["over the file's first name", "risk: {annealing: cosine}", ["risk.schedule=constant"]],
    ["under the override of its first name", "risk: {schedule: soft}", ["risk.annealing=constant"]],
    ["in an arm", "arms: {ra-rlhf: {risk: {schedule: constant}}}", []],
    ["for an arm", "", ["arms.ra-rlhf.risk.schedule=constant"]],
    ["with both the same", "risk: {schedule: constant, annealing: constant}", []],
  ])("%s", (_, yaml, set) => {
    const resolved = risk(yaml, ...set);
    expect(resolved.annealing).toBe("constant");
    expect(resolved).not.toHaveProperty("schedule");
  });

  test("an arm's second name changes the section's first", () => {
    const yaml = "risk: {annealing: cosine}\narms: {ra-rlhf: {risk: {schedule: linear}}}";
    expect(risk(yaml).annealing).toBe("linear");
  });

  test("its value's faults are placed where it stands", () => {
    expect(refusal("risk: {schedule: cosin}")).toMatch(
      /^x\.yaml:3:18: risk\.annealing: found the text "cosin", expected one of soft, .* Did you mean cosine\?$/,
    );
  });

  test.each([
    [
      "risk: {schedule: soft, annealing: linear}",
      [],
      /^x\.yaml:3:8: risk\.schedule: found .*"soft"/,
    ],
    [
      "arms: {ra-rlhf: {risk: {schedule: soft, annealing: linear}}}",
      [],
      /^x\.yaml:3:25: arms\.ra-rlhf\.risk\.schedule: /,
    ],
    [
      "",
      ["risk.schedule=soft", "risk.annealing=linear"],
      /^--set risk\.schedule=soft: risk\.schedule: found .*the same key.*"linear"\. Leave risk\.schedule out\.$/,
    ],
  ])("both with different values are refused: %j %j", (yaml, set, message) => {
    expect(refusal(yaml, ...set)).toMatch(message);
  });
});

describe("the table of steps", () => {
  test("is read in the file and after --set", () => {
    const table = [
      [30, 0.6],
      [100, 0.4],
    ];
    const steps = "risk: {annealing: steps, annealing_steps: [[30, 0.6], [100, 0.4]]}";
    expect(risk(steps).annealing_steps).toEqual(table);
    expect(
      risk("", "risk.annealing=steps", "risk.annealing_steps=[[30,0.6],[100,0.4]]").annealing_steps,
    ).toEqual(table);
  });

  test.each([
    ["{annealing: steps}", /annealing steps without its table/],
    ["{annealing_steps: [[3, 0.5]]}", /table of steps with the annealing soft/],
    [
      "{annealing: steps, annealing_steps: [[3, 0.5], [3, 0.4]]}",
      /3:\d+: risk\.annealing_steps\.1: .*later/,
    ],
    ["{annealing: steps, annealing_steps: [[3, 0.5], [4, 0.6]]}", /never rises/],
    ["{annealing: steps, annealing_steps: [[3, 0.3]]}", /at least alpha/],
    ["{annealing: steps, annealing_steps: [[3, 1.3]]}", /list of \[iteration, fraction\]/],
    ["{annealing: steps, annealing_steps: [[3]]}", /list of \[iteration, fraction\]/],
    ["{annealing: steps, annealing_steps: []}", /list of \[iteration, fraction\]/],
    ["{adaptive: {kl: 2}}", /kl 2 with the annealing soft, which follows no signals/],
    ["{annealing: adaptive, adaptive: {windw: 5}}", /Did you mean risk\.adaptive\.window\?/],
    ["{annealing: adaptive, warmup: 190}", /warmup under/],
    ["{annealing: cosine, warmup: 190}", /warmup under/],
  ])("risk: %s is refused", (section, message) => {
    expect(refusal(`risk: ${section}`)).toMatch(message);
  });

  test.each([
    "{annealing: linear, warmup: 1000}",
    "{annealing: constant, warmup: 1000}",
    "{annealing: adaptive, warmup: 190, adaptive: {rate: 0.1}}",
    "{annealing: steps, annealing_steps: [[0, 1], [300, 0.5]]}",
  ])("risk: %s is taken", (section) => {
    expect(refusal(`risk: ${section}`)).toBe("");
  });
});

describe("the stages of β", () => {
  test.each([
    [
      "[{from: 10, beta: 0.1}, {from: 10, beta: 0.2}]",
      /kl\.schedule\.1\.from: found a stage from 10 after one from 10/,
    ],
    ["[{from: 10}]", /changes nothing/],
    ["[{from: 0, beta: 1}]", /expected a whole number over 0/],
    ["[{from: 10, beta: -1}]", /expected a number at least 0/],
    ["[{from: 10, betas: 1}]", /Did you mean/],
    ["[{from: 10, k_beta: 0}, {from: 20, target: 3}]", /kl\.schedule\.1\.target: .*gain of 0/],
  ])("kl.schedule: %s is refused", (stages, message) => {
    expect(refusal(`kl: {schedule: ${stages}}`)).toMatch(message);
  });

  test("are read, with null for what a stage leaves as it was", () => {
    const { experiment } = loadExperiment(
      scratchFile("name: x\nkl: {schedule: [{from: 10, beta: 0.1}, {from: 20, target: 3}]}\n"),
      ["kl.schedule.1.k_beta=0.1"],
    );
    expect(experiment.kl.schedule).toEqual([
      { from: 10, beta: 0.1, target: null, k_beta: null },
      { from: 20, beta: null, target: 3, k_beta: 0.1 },
    ]);
  });
});
