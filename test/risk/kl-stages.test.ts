import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextBeta } from "../../src/risk/kl-controller.js";
import { betaAfter, klControllerAt, klStageAt, type StagedKl } from "../../src/risk/kl-stages.js";

const none = { beta: null, target: null, k_beta: null };
const kl: StagedKl = {
  target: 6,
  k_beta: 0.1,
  clip: 0.2,
  schedule: [
    { ...none, from: 10, target: 4 },
    { ...none, from: 20, beta: 0.5, k_beta: 0 },
    { ...none, from: 30, beta: 0 },
  ],
};

describe("β in stages", () => {
  test("each is in force from its iteration on, with what it does not name as it was", () => {
    expect(klStageAt(kl, 9)).toBeNull();
    expect([10, 19, 20, 99].map((step) => klStageAt(kl, step)!.from)).toEqual([10, 10, 20, 30]);
    expect(klControllerAt(kl, 9)).toEqual({ target: 6, k_beta: 0.1, clip: 0.2 });
    expect(klControllerAt(kl, 10)).toEqual({ target: 4, k_beta: 0.1, clip: 0.2 });
    expect(klControllerAt(kl, 25)).toEqual({ target: 4, k_beta: 0, clip: 0.2 });
  });

  test("β is set where a stage with one begins, and adapted within it", () => {
    // KL 5: under the first target, over the second.
    const course = [0.2];
    for (let step = 0; step < 40; step += 1) course.push(betaAfter(kl, step, course.at(-1)!, 5));
    expect(course[1]!).toBeLessThan(0.2);
    expect(course[10]!).toBeLessThan(course[9]!);
    expect(course[11]!).toBeGreaterThan(course[10]!);
    expect(course.slice(20, 30)).toEqual(Array(10).fill(0.5));
    expect(course.slice(30)).toEqual(Array(11).fill(0));
  });

  test("without stages it is the plain controller, to the bit", () => {
    const plain = { ...kl, schedule: [] };
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0, max: 10, noNaN: true }), (step, mean) => {
        expect(betaAfter(plain, step, 0.2, mean)).toBe(nextBeta(0.2, mean, plain));
      }),
    );
  });
});
