/** Natural weights smoothed over the rank of the prompt score. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StratumShare } from "../../../src/risk/samplers/prompt-sampler.js";
import { promptSamplers } from "../../../src/risk/samplers/registry.js";
import { promptRanks, smoothedWeights } from "../../../src/risk/samplers/smooth-weights.js";
import { samplerSettings } from "./sampler-settings.js";

const shares = (parts: readonly number[]): number[] => {
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
};
const part = fc.double({ min: 0.1, max: 1, noNaN: true });
const anyStrata: fc.Arbitrary<StratumShare[]> = fc
  .array(fc.tuple(part, part), { minLength: 1, maxLength: 6 })
  .map((parts) => {
    const natural = shares(parts.map(([own]) => own));
    const sampled = shares(parts.map(([, own]) => own));
    return natural.map((own, at) => ({ natural: own, sampled: sampled[at]! }));
  });
/** The hardest drawn most above their natural share, and so on down. */
const fallingStrata = anyStrata.map((strata) => {
  const factors = strata.map(({ natural, sampled }) => sampled / natural).sort((a, b) => b - a);
  const sampled = shares(strata.map(({ natural }, at) => natural * factors[at]!));
  return strata.map(({ natural }, at) => ({ natural, sampled: sampled[at]! }));
});
const bandwidth = fc.double({ min: 0.01, max: 2, noNaN: true });
const grid = Float64Array.from({ length: 2000 }, (_, at) => (at + 0.5) / 2000);

const levels = (strata: readonly StratumShare[]) =>
  strata.map(({ natural, sampled }) => natural / sampled);
function levelAt(strata: readonly StratumShare[], u: number): number {
  let border = 0;
  for (const { natural, sampled } of strata) {
    border += natural;
    if (u < border) return natural / sampled;
  }
  return levels(strata).at(-1)!;
}

test("the mean over the sampler's own mix of prompts is 1", () => {
  fc.assert(
    fc.property(anyStrata, bandwidth, (strata, width) => {
      const weights = smoothedWeights(strata, grid, width);
      // Over ranks the mix has the density 1/ℓ.
      let [sum, density] = [0, 0];
      for (const [at, u] of grid.entries()) {
        sum += weights[at]! / levelAt(strata, u);
        density += 1 / levelAt(strata, u);
      }
      expect(sum / density).toBeCloseTo(1, 2);
    }),
  );
});

test("they are the step convolved with a Gaussian kernel, but for one factor", () => {
  fc.assert(
    fc.property(anyStrata, bandwidth, (strata, width) => {
      const ranks = [0, 0.1, 0.35, 0.8, 1];
      const weights = smoothedWeights(strata, ranks, width);
      const convolved = ranks.map((u) => {
        let [sum, mass] = [0, 0];
        for (let z = -8; z < 8; z += 0.001) {
          const density = Math.exp((-z * z) / 2);
          sum += density * levelAt(strata, u - width * z);
          mass += density;
        }
        return sum / mass;
      });
      for (const at of ranks.keys()) {
        const ratio = weights[at]! / weights[0]!;
        expect(ratio).toBeCloseTo(convolved[at]! / convolved[0]!, 2);
      }
    }),
    { numRuns: 30 },
  );
});

test("they rise with the rank where the step does, and no further apart than it", () => {
  fc.assert(
    fc.property(fallingStrata, bandwidth, (strata, width) => {
      const weights = smoothedWeights(strata, grid, width);
      const [low, high] = [levels(strata)[0]!, levels(strata).at(-1)!];
      for (let at = 1; at < weights.length; at += 1) {
        expect(weights[at]!).toBeGreaterThanOrEqual(weights[at - 1]! * (1 - 1e-12));
      }
      expect(weights.at(-1)! / weights[0]!).toBeLessThanOrEqual((high / low) * (1 + 1e-9));
    }),
  );
});

test("one stratum, or strata drawn as they are, leave every weight at 1", () => {
  fc.assert(
    fc.property(anyStrata, bandwidth, (strata, width) => {
      const same = strata.map(({ natural }) => ({ natural, sampled: natural }));
      for (const weight of smoothedWeights(same, grid, width)) expect(weight).toBeCloseTo(1, 9);
    }),
  );
});

test("with a tenth of the prompts in half of the batch: near the natural weights but at the border", () => {
  const strata = [
    { natural: 0.1, sampled: 0.5 },
    { natural: 0.9, sampled: 0.5 },
  ];
  const [worst, border, third, easy] = smoothedWeights(strata, [0, 0.1, 0.3, 0.9], 0.2);
  // Natural: 0.2 and 1.8; before the factor Φ(−½) and ½ of the way, Φ(1), all of it.
  expect(border! / easy!).toBeCloseTo(1 / 1.8, 3);
  expect(worst! / easy!).toBeCloseTo((0.2 + 1.6 * 0.308538) / 1.8, 3);
  expect(third! / easy!).toBeCloseTo((0.2 + 1.6 * 0.841345) / 1.8, 3);
  // As docs/algorithms.md has them.
  expect([worst, border, third].map((weight) => weight!.toFixed(2))).toEqual([
    "0.55",
    "0.80",
    "1.24",
  ]);
});

describe.each(["stratified", "cross-entropy"] as const)("%s", (strategy) => {
  const pool = fc
    .array(fc.constantFrom(-3, -0.5, 0, 0, 0.5, 4), { minLength: 12, maxLength: 60 })
    .map((scores) => ({
      ids: Uint32Array.from(scores, (_, at) => 700 + 3 * at),
      scores: Float32Array.from(scores),
    }));

  test("as the bandwidth goes to 0 they are the natural weights, with equal scores too", () => {
    fc.assert(
      fc.property(pool, fc.nat(), (prompts, seed) => {
        const settings = samplerSettings({ batch_fraction: 0.4, hard_fraction: 0.2, strata: 4 });
        const sampler = promptSamplers[strategy].prepare(prompts, settings, seed);
        const memory =
          strategy === "cross-entropy"
            ? { shares: [0.5, 0.3, 0.1, 0.1], drawn: [0, 0, 0, 0] }
            : null;
        const drawn = sampler.draw({ batch: 10, step: 0, memory });
        const ranks = promptRanks(prompts);
        const own = Array.from(drawn.prompts, (id) => ranks.get(id)!);
        const weights = smoothedWeights(drawn.strata, own, 1e-9);
        for (const [at, weight] of weights.entries()) {
          expect(weight).toBeCloseTo(drawn.naturalWeights[at]!, 6);
        }
      }),
    );
  });
});

describe("ranks", () => {
  test("are places by score, the worst first and of equal ones the earlier", () => {
    const ids = Uint32Array.of(9, 4, 7, 2);
    const ranks = promptRanks({ ids, scores: Float32Array.of(0.5, -1, 0.5, 3) });
    expect([...ranks].sort(([a], [b]) => a - b)).toEqual([
      [2, 0.875],
      [4, 0.125],
      [7, 0.625],
      [9, 0.375],
    ]);
  });

  test("there are none without scores", () => {
    expect(() => promptRanks({ ids: Uint32Array.of(1), scores: null })).toThrow("without scores");
  });
});

test("what has no weight is refused", () => {
  const strata = [
    { natural: 0.1, sampled: 1 },
    { natural: 0.9, sampled: 0 },
  ];
  expect(() => smoothedWeights(strata, [0.5], 0.2)).toThrow(
    "stratum 1 is 0.9 of all prompts and 0",
  );
  const sound = [{ natural: 1, sampled: 1 }];
  expect(() => smoothedWeights(sound, [0.5], 0)).toThrow("bandwidth is 0");
  expect(() => smoothedWeights(sound, [Number.NaN], 0.2)).toThrow("ranks");
});
