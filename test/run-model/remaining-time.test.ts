import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { remainingSeconds, type TrialAhead } from "../../src/run-model/time-left.js";

const trial = (changes: Partial<TrialAhead>): TrialAhead => {
  return { iterations: 10, step: 0, pace: 2, status: "running", ...changes };
};

describe("the time that is left", () => {
  test.each<[string, TrialAhead[], number, number | null]>([
    ["one trial", [trial({ step: 4 })], 1, 12],
    ["two side by side", [trial({ step: 4 }), trial({ pace: 1 })], 2, 12],
    ["one after the other", [trial({ step: 4 }), trial({ status: "waiting" })], 1, 32],
    ["one that waits, in the free place", [trial({}), trial({ status: "waiting" })], 2, 20],
    ["a waiting one like the others", [trial({}), trial({ status: "waiting", pace: null })], 1, 40],
    ["what is over costs nothing", [trial({ status: "over" })], 1, 0],
    ["trials without iterations count for nothing", [trial({ iterations: 0, pace: null })], 1, 0],
    ["no pace at all", [trial({ pace: null })], 1, null],
  ])("%s", (_, trials, parallel, seconds) => {
    expect(remainingSeconds(trials, parallel)).toBe(seconds);
  });

  test("lies between the longest trial and all of them in a row", () => {
    const some = fc.array(
      fc.record({
        iterations: fc.nat(50),
        pace: fc.double({ min: 0.1, max: 9, noNaN: true }),
        status: fc.constantFrom("waiting" as const, "running" as const, "over" as const),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 8 }), (trials, parallel) => {
        const all = trials.map((one) => ({ ...one, step: 0 }));
        const each = all.flatMap(({ iterations, pace, status }) =>
          status === "over" ? [] : [iterations * pace],
        );
        const seconds = remainingSeconds(all, parallel)!;
        expect(seconds).toBeGreaterThanOrEqual(Math.max(0, ...each) - 1e-9);
        expect(seconds).toBeLessThanOrEqual(each.reduce((sum, one) => sum + one, 0) + 1e-9);
      }),
    );
  });
});
