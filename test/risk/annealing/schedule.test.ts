import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { annealingEnd } from "../../../src/risk/annealing/ramp.js";
import {
  alphaFrom,
  keptEpisodes,
  plannedAlpha,
  type RiskSchedule,
  validateSchedule,
} from "../../../src/risk/annealing/schedule.js";
import { tailCount } from "../../../src/risk/tail.js";

const imdb: RiskSchedule = riskSchema.parse({ alpha: 0.4, warmup: 30, rho: 0.95 });
const jigsaw: RiskSchedule = { ...imdb, alpha: 0.2 };

/** α and ρ in thousandths, so that exact arithmetic can follow. */
interface ExactSchedule {
  readonly alpha: bigint;
  readonly rho: bigint;
  readonly warmup: bigint;
}

/** ⌈a/b⌉ for whole a ≥ 0, b > 0. */
const ceiling = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

/** The schedule's equations in exact rational arithmetic: B·(1 − K(m − n)) over 1000·(⌈ρM⌉ − n). */
function exactlyKept(schedule: ExactSchedule, m: bigint, M: bigint, B: bigint): number {
  const { alpha, rho, warmup: n } = schedule;
  const end = ceiling(rho * M, 1000n);
  const least = ceiling(alpha * B, 1000n);
  if (m <= n) {
    return Number(B);
  }
  if (m >= end) {
    return Number(least);
  }
  const span = end - n;
  const kept = ceiling(B * (1000n * span - (1000n - alpha) * (m - n)), 1000n * span);
  return Math.max(Number(kept), Number(least));
}

const sound = fc
  .record({
    alpha: fc.integer({ min: 1, max: 1000 }),
    rho: fc.integer({ min: 1, max: 1000 }),
    iterations: fc.integer({ min: 1, max: 3000 }),
    warmup: fc.nat({ max: 3000 }),
    batch: fc.integer({ min: 1, max: 5000 }),
  })
  .map((drawn) => {
    const end = Number(ceiling(BigInt(drawn.rho) * BigInt(drawn.iterations), 1000n));
    return { ...drawn, end, warmup: drawn.warmup % end };
  });

const scheduleOf = (drawn: { alpha: number; rho: number; warmup: number }): RiskSchedule => ({
  alpha: drawn.alpha / 1000,
  rho: drawn.rho / 1000,
  warmup: drawn.warmup,
  annealing: "soft",
  annealing_steps: null,
  adaptive: imdb.adaptive,
});

describe("the paper's settings", () => {
  test.each([
    ["IMDB-Gen", imdb, { alpha: 400n, rho: 950n, warmup: 30n }, 194],
    ["Jigsaw-Gen", jigsaw, { alpha: 200n, rho: 950n, warmup: 30n }, 288],
    ["IMDB, n = 1", { ...imdb, warmup: 1 }, { alpha: 400n, rho: 950n, warmup: 1n }, 194],
    ["IMDB, α = 0.3", { ...imdb, alpha: 0.3 }, { alpha: 300n, rho: 950n, warmup: 30n }, 194],
  ])("%s: every iteration, against exact arithmetic", (_, schedule, exact, iterations) => {
    for (let step = 0; step < iterations; step += 1) {
      expect(keptEpisodes(schedule, step, iterations, 128), `step ${step}`).toBe(
        exactlyKept(exact, BigInt(step), BigInt(iterations), 128n),
      );
    }
  });

  test("IMDB-Gen at the steps that a reader checks by hand", () => {
    const kept = (step: number): number => keptEpisodes(imdb, step, 194, 128);
    expect(annealingEnd(imdb, 194)).toBe(185);
    expect([0, 29, 30].map(kept)).toEqual([128, 128, 128]);
    // 128·(1 − 0.6·1/155) = 127.50, and so on down to ⌈51.2⌉.
    expect([31, 32, 33].map(kept)).toEqual([128, 128, 127]);
    expect(kept(107)).toBe(Math.ceil(128 * (1 - (0.6 * 77) / 155)));
    expect([183, 184, 185, 193].map(kept)).toEqual([53, 52, 52, 52]);
  });

  test("Jigsaw-Gen ends at 26 of 128", () => {
    expect(annealingEnd(jigsaw, 288)).toBe(274);
    expect(keptEpisodes(jigsaw, 287, 288, 128)).toBe(26);
  });
});

describe("every sound soft schedule", () => {
  test("keeps what exact arithmetic says", () => {
    fc.assert(
      fc.property(sound, fc.nat({ max: 3000 }), (drawn, step) => {
        const exact = {
          alpha: BigInt(drawn.alpha),
          rho: BigInt(drawn.rho),
          warmup: BigInt(drawn.warmup),
        };
        expect(keptEpisodes(scheduleOf(drawn), step, drawn.iterations, drawn.batch)).toBe(
          exactlyKept(exact, BigInt(step), BigInt(drawn.iterations), BigInt(drawn.batch)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("never keeps more than the step before, nor fewer than ⌈αB⌉, nor more than B", () => {
    fc.assert(
      fc.property(sound, (drawn) => {
        const schedule = scheduleOf(drawn);
        let before = drawn.batch;
        for (let step = 0; step < Math.min(drawn.iterations, 300); step += 1) {
          const kept = keptEpisodes(schedule, step, drawn.iterations, drawn.batch);
          expect(kept).toBeLessThanOrEqual(before);
          expect(kept).toBeGreaterThanOrEqual(tailCount(drawn.batch, schedule.alpha));
          before = kept;
        }
      }),
      { numRuns: 50 },
    );
  });

  test("is continuous at the end of the warm start: no step is larger than K", () => {
    fc.assert(
      fc.property(sound, (drawn) => {
        const schedule = scheduleOf(drawn);
        const largest = (1 - schedule.alpha) / (drawn.end - drawn.warmup);
        const share = (step: number): number => plannedAlpha(schedule, step, drawn.iterations);
        for (const step of [drawn.warmup, drawn.end - 1]) {
          expect(share(step) - share(step + 1)).toBeLessThanOrEqual(largest + 1e-12);
        }
        expect(share(drawn.warmup)).toBe(1);
        expect(share(drawn.end)).toBe(schedule.alpha);
      }),
    );
  });

  test("falls in a straight line between the two", () => {
    fc.assert(
      fc.property(sound, (drawn) => {
        fc.pre(drawn.end - drawn.warmup >= 3);
        const schedule = scheduleOf(drawn);
        const share = (step: number): number => plannedAlpha(schedule, step, drawn.iterations);
        const first = drawn.warmup;
        expect(share(first) - share(first + 1)).toBeCloseTo(
          share(first + 1) - share(first + 2),
          12,
        );
      }),
    );
  });

  test("keeps every episode throughout at α = 1", () => {
    for (const step of [0, 31, 100, 193]) {
      expect(keptEpisodes({ ...imdb, alpha: 1 }, step, 194, 128)).toBe(128);
    }
  });
});

describe("the constant schedule", () => {
  const constant: RiskSchedule = { ...imdb, annealing: "constant" };

  test("keeps ⌈αB⌉ from the first iteration, whatever warmup and rho say", () => {
    for (const step of [0, 1, 30, 193]) {
      expect(plannedAlpha(constant, step, 194)).toBe(0.4);
      expect(keptEpisodes(constant, step, 194, 128)).toBe(52);
    }
    expect(validateSchedule({ ...constant, warmup: 500 }, 10)).toEqual([]);
  });
});

/** Closed forms, written apart from the program: α' after the part t of the way, 0 < t < 1. */
const forms = {
  soft: (alpha: number, t: number) => 1 - t * (1 - alpha),
  linear: (alpha: number, t: number) => 1 - t + t * alpha,
  cosine: (alpha: number, t: number) => 1 - (1 - alpha) * Math.sin((Math.PI / 2) * t) ** 2,
  exponential: (alpha: number, t: number) => Math.exp(t * Math.log(alpha)),
} as const;
const curves = Object.keys(forms) as (keyof typeof forms)[];

describe("the curves", () => {
  test.each(curves)("%s is its closed form between n and ⌈ρM⌉, and exact at both", (annealing) => {
    fc.assert(
      fc.property(sound, fc.nat(3000), (drawn, step) => {
        const schedule: RiskSchedule = { ...scheduleOf(drawn), annealing };
        const first = annealing === "linear" ? 0 : drawn.warmup;
        const at = (m: number) => plannedAlpha(schedule, m, drawn.iterations);
        expect(at(first)).toBe(1);
        expect(at(drawn.end)).toBe(schedule.alpha);
        expect(alphaFrom(schedule, drawn.iterations)).toBe(drawn.end);
        const t = (step - first) / (drawn.end - first);
        if (t > 0 && t < 1) {
          expect(at(step)).toBeCloseTo(forms[annealing](schedule.alpha, t), 12);
        } else {
          expect(at(step)).toBe(t <= 0 ? 1 : schedule.alpha);
        }
      }),
      { numRuns: 300 },
    );
  });

  test.each(curves)("%s never rises, and never leaves [α, 1]", (annealing) => {
    fc.assert(
      fc.property(sound, (drawn) => {
        const schedule: RiskSchedule = { ...scheduleOf(drawn), annealing };
        let before = 1;
        for (let step = 0; step < Math.min(drawn.iterations, 400); step += 1) {
          const alpha = plannedAlpha(schedule, step, drawn.iterations);
          expect(alpha).toBeLessThanOrEqual(before);
          expect(alpha).toBeGreaterThanOrEqual(schedule.alpha);
          expect(keptEpisodes(schedule, step, drawn.iterations, drawn.batch)).toBe(
            tailCount(drawn.batch, alpha),
          );
          before = alpha;
        }
      }),
      { numRuns: 15 },
    );
  });

  test("half-way they are where a reader expects them", () => {
    const half = (annealing: RiskSchedule["annealing"]) =>
      plannedAlpha({ ...imdb, alpha: 0.25, warmup: 0, rho: 1, annealing }, 50, 100);
    expect(half("soft")).toBeCloseTo(0.625, 12);
    expect(half("cosine")).toBeCloseTo(0.625, 12);
    expect(half("exponential")).toBeCloseTo(0.5, 12);
  });
});

describe("the table of steps", () => {
  const table: RiskSchedule = {
    ...imdb,
    annealing: "steps",
    annealing_steps: [
      [30, 0.6],
      [100, 0.4],
    ],
  };

  test("holds each level from its iteration on, and 1 before the first", () => {
    const at = (step: number) => plannedAlpha(table, step, 194);
    expect([0, 29, 30, 99, 100, 193].map(at)).toEqual([1, 1, 0.6, 0.6, 0.4, 0.4]);
    expect(keptEpisodes(table, 30, 194, 128)).toBe(77);
    expect(alphaFrom(table, 194)).toBe(100);
    expect(alphaFrom({ ...table, alpha: 0.3 }, 194)).toBeNull();
  });

  test.each([
    [[], /empty/],
    [
      [
        [30, 0.6],
        [30, 0.5],
      ],
      /30 follows on 30/,
    ],
    [
      [
        [30, 0.5],
        [40, 0.6],
      ],
      /0.6 follows on 0.5/,
    ],
    [[[30, 0.2]], /under alpha/],
  ] as const)("%j is refused", (annealing_steps, message) => {
    const faults = validateSchedule({ ...table, annealing_steps }, 194);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(message);
  });
});

describe("what is refused", () => {
  test("a warm start that lasts to the end of the annealing, in one plain sentence", () => {
    expect(validateSchedule(imdb, 194)).toEqual([]);
    expect(validateSchedule(imdb, 30)).toEqual([
      "warmup is 30, but with rho 0.95 and 30 iterations alpha is reached at iteration 29: " +
        "the warm start must end before that",
    ]);
    expect(validateSchedule({ ...imdb, warmup: 29 }, 30)).toHaveLength(1);
    expect(validateSchedule({ ...imdb, warmup: 28 }, 30)).toEqual([]);
    expect(() => plannedAlpha(imdb, 0, 30)).toThrow(RangeError);
    expect(() => keptEpisodes(imdb, 0, 30, 128)).toThrow(/warmup is 30/);
  });

  test("every number out of range, all at once", () => {
    expect(
      validateSchedule({ ...imdb, alpha: 0, warmup: -1, rho: 1.5 }, 0.5).map(
        (message) => message.split(" ")[0],
      ),
    ).toEqual(["iterations", "alpha", "warmup", "rho"]);
    expect(validateSchedule({ ...imdb, alpha: Number.NaN }, 194)).toHaveLength(1);
  });

  test("steps that are not whole numbers from 0", () => {
    expect(() => plannedAlpha(imdb, -1, 194)).toThrow(/step is -1/);
    expect(() => plannedAlpha(imdb, 0.5, 194)).toThrow(RangeError);
    expect(() => keptEpisodes(imdb, 0, 194, 0)).toThrow(/batch is 0/);
    expect(() => annealingEnd({ rho: 0 }, 194)).toThrow(/rho is 0/);
    expect(() => annealingEnd({ rho: 0.5 }, 0)).toThrow(/iterations is 0/);
  });
});
