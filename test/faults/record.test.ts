/** The fault suite's eyes: what it compares must differ where one bit does. */
import { describe, expect, test } from "vitest";
import { differences, figuresOf } from "./record.mjs";

const step = { type: "step", trial: "rlhf-s0", step: 3, reward_mean: 0.1, seq: 7, time: "now" };

describe("figures of a journal", () => {
  test("leave out what no two runs share", () => {
    const later = { ...step, seq: 9, time: "later", memory_bytes: 1, seconds: { total: 1 } };
    expect(figuresOf([step])).toEqual(figuresOf([later]));
    expect([...figuresOf([step, { type: "warning", trial: null }]).keys()]).toEqual([
      "rlhf-s0 step 3",
    ]);
  });

  test("may be reckoned twice, to the same bit", () => {
    expect(figuresOf([step, { ...step, seq: 12 }]).size).toBe(1);
    const other = { ...step, reward_mean: 0.1 + 2 ** -55 };
    expect(() => figuresOf([step, other])).toThrow("rlhf-s0 step 3 was done twice, and differs");
  });
});

test("a figure, a file or a result that differs, is missing or too many is told", () => {
  const outcome = {
    figures: new Map([["a step 0", "1"]]),
    files: new Map([["model", "aa"]]),
    evaluation: "x",
    manifest: "y",
  };
  expect(differences(outcome, structuredClone(outcome))).toEqual([]);
  const found = {
    figures: new Map([["a step 1", "1"]]),
    files: new Map([["model", "ab"]]),
    evaluation: "z",
    manifest: "",
  };
  expect(differences(outcome, found)).toEqual([
    "a step 0 is missing",
    "a step 1 is in this run only",
    "model: …aa… became …ab…",
    "evaluation.json: …x… became …z…",
    "manifest.json: …y… became ……",
  ]);
});
