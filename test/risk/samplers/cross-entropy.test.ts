import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MemoryPart } from "../../../src/risk/memory.js";
import { crossEntropySampler } from "../../../src/risk/samplers/cross-entropy.js";
import type {
  PreparedSampler,
  SamplerSettings,
} from "../../../src/risk/samplers/prompt-sampler.js";
import { quantileStrata } from "../../../src/risk/samplers/strata.js";
import { generator } from "../../../src/stats/random.js";
import { samplerSettings } from "./sampler-settings.js";

/** Prompts whose score rises with the id, in a mixed order of places. */
function pool(prompts: number) {
  const ids = Uint32Array.from({ length: prompts }, (_, at) => (at * 7919) % prompts);
  return { ids, scores: Float32Array.from(ids, (id) => id / 10) };
}

const prepared = (prompts: number, changes: Partial<SamplerSettings> = {}, seed = 0) =>
  crossEntropySampler.prepare(pool(prompts), samplerSettings(changes), seed);

/** Steps with returns that the prompt alone decides; what is remembered goes from step to step. */
function trained(
  sampler: PreparedSampler,
  steps: number,
  returnOf: (id: number, random: () => number) => number,
  { batch = 40, completions = 1, alpha = 0.1, seed = 1 } = {},
) {
  const random = generator(seed);
  let memory: MemoryPart = null;
  const draws = [];
  for (let step = 0; step < steps; step += 1) {
    const drawn = sampler.draw({ batch, step, memory });
    const ranking = Float32Array.from({ length: batch * completions }, (_, at) =>
      returnOf(drawn.prompts[Math.floor(at / completions)]!, random),
    );
    draws.push({ drawn, ranking, memory });
    memory = sampler.learn!({ drawn, step, ranking, completions, alpha, memory });
  }
  return { draws, memory: memory as { shares: number[]; drawn: number[] } };
}

const sum = (values: Iterable<number>) => [...values].reduce((total, one) => total + one, 0);

describe("strata", () => {
  test("are the prompts by quantiles of their scores, the hardest first, of equal size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 0, max: 90 }),
        (count, more) => {
          const strata = quantileStrata(pool(count + more), count);
          expect(strata.flatMap((ids) => [...ids].sort((a, b) => a - b))).toEqual(
            Array.from({ length: count + more }, (_, id) => id),
          );
          const sizes = strata.map(({ length }) => length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("take the earlier of equal scores for the harder, and are refused where there are too few", () => {
    const flat = { ids: Uint32Array.of(5, 3, 9, 1), scores: new Float32Array(4) };
    expect(quantileStrata(flat, 2).map((ids) => [...ids])).toEqual([
      [5, 3],
      [9, 1],
    ]);
    expect(() => quantileStrata(flat, 5)).toThrow(/strata is 5/);
  });
});

describe("the first batch", () => {
  test("has every stratum in its natural share, and weights of 1", () => {
    const { naturalWeights, strata, part, hard } = prepared(100).draw({
      batch: 40,
      step: 0,
      memory: null,
    });
    expect(naturalWeights.every((weight) => Math.abs(weight - 1) < 1e-12)).toBe(true);
    expect(strata).toHaveLength(10);
    expect(hard).toBe(part.filter((one) => one === 0).length);
    for (let stratum = 0; stratum < 10; stratum += 1) {
      expect(part.filter((one) => one === stratum)).toHaveLength(4);
    }
  });
});

const cases = fc.record({
  prompts: fc.integer({ min: 40, max: 200 }),
  strata: fc.integer({ min: 2, max: 10 }),
  batch: fc.integer({ min: 1, max: 60 }),
  completions: fc.integer({ min: 1, max: 4 }),
  floor: fc.double({ min: 0.05, max: 1, noNaN: true }),
  smoothing: fc.double({ min: 0.05, max: 1, noNaN: true }),
  elite_fraction: fc.double({ min: 0.01, max: 1, noNaN: true }),
  alpha: fc.double({ min: 0.02, max: 1, noNaN: true }),
  seed: fc.nat(),
});

describe("whatever the batches turn out to be", () => {
  test("no stratum's share falls under the floor, and no weight over 1/floor", () => {
    fc.assert(
      fc.property(cases, ({ prompts, seed, batch, completions, alpha, ...settings }) => {
        const sampler = prepared(prompts, settings, seed);
        const run = { batch, completions, alpha, seed };
        for (const { drawn } of trained(sampler, 8, (id, u) => u() - id, run).draws) {
          expect(sum(drawn.strata.map(({ sampled }) => sampled))).toBeCloseTo(1, 9);
          for (const { sampled, natural } of drawn.strata) {
            expect(sampled).toBeGreaterThanOrEqual(settings.floor * natural * (1 - 1e-9));
          }
          for (const [at, weight] of drawn.naturalWeights.entries()) {
            const { sampled, natural } = drawn.strata[drawn.part[at]!]!;
            expect(weight).toBeCloseTo(natural / sampled, 9);
            expect(weight).toBeLessThanOrEqual((1 + 1e-9) / settings.floor);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a stratum has ⌊Bq⌋ prompts of a batch or one more, and walks through its own", () => {
    fc.assert(
      fc.property(cases, ({ prompts, seed, batch, completions, alpha, ...settings }) => {
        const sampler = prepared(prompts, settings, seed);
        const { draws } = trained(sampler, 8, (id) => id, { batch, completions, alpha, seed });
        const seen = new Map<number, number[]>();
        for (const { drawn } of draws) {
          expect(drawn.prompts).toHaveLength(batch);
          for (const [stratum, { sampled }] of drawn.strata.entries()) {
            const own = drawn.prompts.filter((_, at) => drawn.part[at] === stratum);
            expect(Math.abs(own.length - batch * sampled)).toBeLessThan(1 + 1e-9);
            seen.set(stratum, [...(seen.get(stratum) ?? []), ...own]);
          }
        }
        const strata = quantileStrata(pool(prompts), settings.strata);
        for (const [stratum, drawn] of seen) {
          const size = strata[stratum]!.length;
          const times = [...strata[stratum]!].map(
            (id) => drawn.filter((other) => other === id).length,
          );
          expect(sum(times)).toBe(drawn.length);
          expect(Math.min(...times)).toBe(Math.floor(drawn.length / size));
          expect(Math.max(...times)).toBe(Math.ceil(drawn.length / size));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("a draw is a function of what is remembered: prepared anew it draws the same", () => {
    fc.assert(
      fc.property(cases, ({ prompts, seed, batch, completions, alpha, ...settings }) => {
        const { draws } = trained(prepared(prompts, settings, seed), 5, (id) => id % 7, {
          batch,
          completions,
          alpha,
          seed,
        });
        const remembered = JSON.parse(JSON.stringify(draws.map(({ memory }) => memory)));
        for (const [step, { drawn }] of draws.entries()) {
          const fresh = prepared(prompts, settings, seed);
          expect(fresh.draw({ batch, step, memory: remembered[step] })).toEqual(drawn);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("importance weights", () => {
  const memory = { shares: [0.7, 0.2, 0.1, 0, 0], drawn: [0, 0, 0, 0, 0] };
  const sampler = prepared(50, { strata: 5, floor: 0.25 });

  test("have mean 1 over the natural distribution: exactly, in expectation over the rounding", () => {
    const { strata } = sampler.draw({ batch: 10, step: 0, memory });
    expect(sum(strata.map(({ sampled, natural }) => sampled * (natural / sampled)))).toBeCloseTo(1);
    // q: .25·.2 + .75·φ
    expect(strata.map(({ sampled }) => sampled)).toEqual(
      [0.575, 0.2, 0.125, 0.05, 0.05].map((share) => expect.closeTo(share, 12)),
    );
  });

  test("give back the mean over all prompts from batches of 7 that are mostly hard", () => {
    // Over 50 passes of each stratum's walk the mean is exact but for the rounding of shares.
    const steps = 3000;
    const figure = (id: number) => (id % 10) + (id < 10 ? -20 : 0);
    let [total, weight, hard] = [0, 0, 0];
    let drawn = [0, 0, 0, 0, 0];
    for (let step = 0; step < steps; step += 1) {
      const batch = sampler.draw({ batch: 7, step, memory: { ...memory, drawn } });
      drawn = drawn.map((own, at) => own + batch.part.filter((one) => one === at).length);
      hard += batch.hard;
      for (const [at, id] of batch.prompts.entries()) {
        total += batch.naturalWeights[at]! * figure(id);
        weight += batch.naturalWeights[at]!;
      }
    }
    const natural = sum(Array.from({ length: 50 }, (_, id) => figure(id))) / 50;
    // One batch's mean weight has variance under Σ p²/q / 7 < 0.3; four standard errors of 3,000.
    expect(Math.abs(weight / (7 * steps) - 1)).toBeLessThan(4 * Math.sqrt(0.3 / steps));
    expect(Math.abs(total / (7 * steps) - natural)).toBeLessThan(
      4 * Math.sqrt((0.3 * 100) / steps),
    );
    expect(hard / (7 * steps)).toBeCloseTo(0.575, 2);
  });
});

describe("the shares", () => {
  test("move to the stratum where the tail lives, and the floor stays", () => {
    const { memory, draws } = trained(
      prepared(200, { floor: 0.2 }),
      60,
      (id, u) => (id < 20 ? -5 : 0) + u(),
      { batch: 50, alpha: 0.05 },
    );
    expect(memory.shares[0]).toBeGreaterThan(0.97);
    const last = draws.at(-1)!.drawn;
    expect(last.strata[0]!.sampled).toBeGreaterThan(0.78);
    expect(last.strata[1]!.sampled).toBeGreaterThanOrEqual(0.02);
    expect(last.hard).toBeGreaterThan(37);
  });

  test("find a tail that is not where the scores say it is", () => {
    const { memory } = trained(prepared(200), 60, (id, u) => (id >= 120 && id < 140 ? -5 : u()), {
      batch: 50,
      alpha: 0.05,
    });
    expect(memory.shares.indexOf(Math.max(...memory.shares))).toBe(6);
    expect(memory.shares[6]).toBeGreaterThan(0.9);
  });

  test("stay about natural where every stratum is alike", () => {
    const { memory } = trained(prepared(200), 100, (_, u) => u(), { batch: 100, alpha: 0.3 });
    for (const share of memory.shares) {
      expect(Math.abs(share - 0.1)).toBeLessThan(0.08);
    }
  });

  test("by hand: the elite is what lies under the natural VaR, by natural weight", () => {
    const sampler = prepared(4, { strata: 2, smoothing: 0.5, floor: 0.5, elite_fraction: 0.01 });
    const memory = { shares: [0.75, 0.25], drawn: [0, 0] };
    const drawn = sampler.draw({ batch: 8, step: 0, memory });
    // q = (0.625, 0.375), so that 5 hard prompts weigh 0.8 each, and 3 others 4/3.
    expect(drawn.hard).toBe(5);
    let hard = 0;
    const ranking = Float32Array.from(drawn.part, (part) => {
      // Returns 0 … 4 of the hard, −1 of the others: half of the weight is 3 × 4/3 = 4.
      hard += 1;
      return part === 0 ? hard : -1;
    });
    const after = sampler.learn!({ drawn, step: 0, ranking, completions: 1, alpha: 0.5, memory });
    expect(after!.shares).toEqual([expect.closeTo(0.375, 9), expect.closeTo(0.625, 9)]);
    expect(after!.drawn).toEqual([5, 3]);
    // At α = 0.7 the elite has two hard prompts more: 5.6 of 8 is 4 + 0.8·2.
    const wider = sampler.learn!({ drawn, step: 0, ranking, completions: 1, alpha: 0.7, memory });
    const share = 1.6 / 5.6;
    expect(wider!.shares).toEqual([
      expect.closeTo(0.375 + share / 2, 9),
      expect.closeTo(0.125 + (1 - share) / 2, 9),
    ]);
  });

  test("move towards the elite fraction of the batch at least", () => {
    const [narrow, wide] = [0.01, 0.5].map((elite_fraction) => {
      const sampler = prepared(40, { strata: 4, smoothing: 1, elite_fraction });
      return trained(sampler, 1, (id) => id, { batch: 40, alpha: 0.025 }).memory.shares;
    });
    expect(narrow).toEqual([1, 0, 0, 0]);
    expect(wide).toEqual([0.5, 0.5, 0, 0].map((share) => expect.closeTo(share, 9)));
  });

  test("take nothing from episodes without a reward", () => {
    const sampler = prepared(40, { strata: 4, smoothing: 1 });
    const drawn = sampler.draw({ batch: 40, step: 0, memory: null });
    const ranking = Float32Array.from(drawn.part, (part) => (part === 0 ? Number.NaN : part));
    const told = { drawn, step: 0, ranking, completions: 1, alpha: 0.1, memory: null };
    expect(sampler.learn!(told)!.shares).toEqual([0, 1, 0, 0]);
  });
});

test("refuses settings out of range, and what another sampler remembers", () => {
  expect(() => prepared(50, { floor: 0 })).toThrow(/floor is 0/);
  expect(() => prepared(50, { smoothing: 1.5 })).toThrow(/smoothing/);
  expect(() => prepared(50, { elite_fraction: 0 })).toThrow(/elite_fraction/);
  expect(() => prepared(5, { strata: 6 })).toThrow(/strata is 6/);
  const memory = { shares: [1], drawn: [0] };
  expect(() => prepared(50).draw({ batch: 4, step: 0, memory })).toThrow(/other strata/);
});
