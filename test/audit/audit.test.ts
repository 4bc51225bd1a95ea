import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { auditArms } from "../../src/audit/audit.js";
import { type ArmScores, type AuditSettings, sortedArm } from "../../src/audit/scores.js";
import { cvarCertificate } from "../../src/audit/tail-certificates.js";
import { worstPlaces } from "../../src/audit/worst-rows.js";
import { pairedTest } from "../../src/stats/paired-test.js";
import { generator } from "../../src/stats/random.js";

const plain: AuditSettings = {
  harmThreshold: null,
  higherIsWorse: false,
  bound: null,
  level: 0.95,
  byPrompt: false,
  beta: null,
};

function arm(name: string, scores: ArrayLike<number>, units?: ArrayLike<number>): ArmScores {
  return sortedArm({
    name,
    scores: Float64Array.from(scores),
    units: Int32Array.from(units ?? Array.from(scores, (_, at) => at)),
    promptScores: null,
    returns: null,
  });
}

/** As a file with `higher is worse` is handed over. */
function negated(name: string, scores: readonly number[]): ArmScores {
  return arm(
    name,
    scores.map((score) => -score),
  );
}

/** Standard normal numbers (Box–Muller). */
function normals(count: number, seed: number): number[] {
  const random = generator(seed);
  return Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

const scores = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});

describe("an arm's figures", () => {
  test("are those of the definitions, worked out with a sort", () => {
    fc.assert(
      fc.property(scores, fc.double({ min: -1e3, max: 1e3, noNaN: true }), (values, threshold) => {
        const settings = { ...plain, harmThreshold: threshold };
        const found = auditArms([arm("a", values)], settings).arms.a!;
        const lowest = [...values].sort((a, b) => a - b);
        for (const [key, percent] of [
          ["0.01", 1],
          ["0.05", 5],
          ["0.1", 10],
          ["0.25", 25],
        ] as const) {
          const count = Math.ceil((values.length * percent) / 100);
          const tail = lowest.slice(0, count);
          expect(found.var[key]).toBe(tail.at(-1)! + 0);
          expect(found.cvar[key]).toBeCloseTo(tail.reduce((sum, one) => sum + one, 0) / count, 8);
          expect(found.tail_rows[key]).toBe(count);
        }
        expect(found.mean).toBeCloseTo(
          values.reduce((sum, one) => sum + one, 0) / values.length,
          8,
        );
        expect(found.harm_rate).toBe(
          values.filter((one) => one < threshold).length / values.length,
        );
      }),
      { numRuns: 60 },
    );
  });

  test("where higher is worse are those of the negated scores, in the user's own sign", () => {
    fc.assert(
      fc.property(scores, scores, (first, second) => {
        const down = auditArms(
          [
            arm(
              "a",
              first.map((x) => -x),
            ),
            arm(
              "b",
              second.map((x) => -x),
            ),
          ],
          {
            ...plain,
            harmThreshold: -1,
            bound: -1000,
          },
        );
        const up = auditArms([negated("a", first), negated("b", second)], {
          ...plain,
          higherIsWorse: true,
          harmThreshold: 1,
          bound: 1000,
        });
        for (const name of ["a", "b"]) {
          const [low, high] = [down.arms[name]!, up.arms[name]!];
          for (const key of ["0.01", "0.05", "0.1", "0.25"] as const) {
            expect(high.cvar[key]).toBe(0 - low.cvar[key]);
            expect(high.var[key]).toBe(0 - low.var[key]);
            expect(high.cvar_lower[key].bound).toBe(0 - low.cvar_lower[key].bound);
            expect(high.cvar_lower[key].side).toBe("upper");
            expect(high.cvar_lower[key].bound).toBeGreaterThanOrEqual(high.cvar[key] - 1e-9);
          }
          expect(high.harm_rate).toBe(low.harm_rate);
          expect(high.highest).toBe(0 - low.lowest);
        }
        for (const [at, row] of up.comparisons.entries()) {
          const mirror = down.comparisons[at]!;
          if (row.metric === "harm_rate") expect(row.difference).toBe(mirror.difference);
          else {
            expect(row.difference).toBe(0 - mirror.difference);
            expect(row.ci95?.map((end) => end + 0)).toEqual(
              mirror.ci95?.map((end) => 0 - end).reverse(),
            );
          }
          expect(row.p).toBe(mirror.p);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("of many normal scores are the closed forms", () => {
    const found = auditArms([arm("a", normals(60_000, 5))], { ...plain, harmThreshold: -1 }).arms
      .a!;
    // −φ(z)/α with z the normal quantile.
    expect(found.cvar["0.01"]).toBeCloseTo(-2.66521, 1);
    expect(found.cvar["0.1"]).toBeCloseTo(-1.75498, 1.5);
    expect(found.cvar["0.25"]).toBeCloseTo(-1.2711, 1.5);
    expect(found.var["0.05"]).toBeCloseTo(-1.64485, 1.5);
    expect(found.harm_rate).toBeCloseTo(0.158655, 2);
    for (const key of ["0.01", "0.05", "0.1", "0.25"] as const) {
      const [low, high] = found.ci95.cvar[key]!;
      expect(low).toBeLessThan(found.cvar[key]);
      expect(high).toBeGreaterThan(found.cvar[key]);
      expect(found.cvar_lower[key].bound).toBeLessThan(found.cvar[key]);
    }
  });

  test("per prompt: the worst score of each, and prompts with any harm", () => {
    const found = auditArms([arm("a", [1, -3, 2, 5], [0, 0, 1, 1])], {
      ...plain,
      harmThreshold: 0,
      byPrompt: true,
    }).arms.a!;
    expect(found.units).toBe(2);
    expect(found.per_prompt).toMatchObject({ mean_worst: -0.5, any_harm_rate: 0.5 });
    expect(found.harm_rate).toBe(0.25);
  });

  test("of KL: (reward − return)/β, also of the tail alone", () => {
    const rewards = [-1, 0, 1, 2];
    const returns = [-1.4, -0.2, 0.9, 1.9];
    const one = { ...arm("a", rewards), returns: Float64Array.from(returns) };
    const { kl } = auditArms([one], { ...plain, beta: 0.1 }).arms.a!;
    expect(kl!.mean).toBeCloseTo((4 + 2 + 1 + 1) / 4, 9);
    expect(kl!.tail_mean).toBeCloseTo(4, 9);
  });

  test("by prompt score begin with the worst prompts on either side", () => {
    const values = Array.from({ length: 100 }, (_, at) => at);
    const promptScores = Float64Array.from(values, (value) => 2 * value);
    const up = { ...arm("a", values), promptScores };
    const first = auditArms([up], plain).arms.a!.by_prompt_score!;
    expect(first[0]).toMatchObject({ score: 4.5, prompt_score: 9, n: 10 });
    const down = { ...negated("a", values), promptScores: promptScores.map((one) => -one) };
    const turned = auditArms([down], { ...plain, higherIsWorse: true }).arms.a!.by_prompt_score!;
    expect(turned[0]).toMatchObject({ score: 94.5, prompt_score: 189, n: 10 });
  });
});

describe("bounds", () => {
  test("without a stated worst score say that they are not certified, and what they count with", () => {
    const values = normals(500, 1);
    const { cvar_lower } = auditArms([arm("a", values)], plain).arms.a!;
    expect(cvar_lower["0.1"]).toMatchObject({
      certified: false,
      range_end: Math.min(...values),
      range_end_from: "worst score seen",
      level: 0.95,
    });
  });

  test("with one are certified, where rows are independent", () => {
    const values = normals(500, 1).map((x) => 1 / (1 + Math.exp(-x)));
    const settings = { ...plain, bound: 0, harmThreshold: 0.2 };
    const found = auditArms([arm("a", values)], settings).arms.a!;
    expect(found.cvar_lower["0.1"]).toMatchObject({
      certified: true,
      range_end: 0,
      trivial: false,
    });
    expect(found.cvar_lower["0.1"].bound).toBeLessThan(found.cvar["0.1"]);
    expect(found.harm_rate_upper!.bound).toBeGreaterThan(found.harm_rate!);
    const grouped = arm(
      "a",
      values,
      values.map((_, at) => at >> 1),
    );
    expect(auditArms([grouped], settings).arms.a!.cvar_lower["0.1"].certified).toBe(false);
  });

  test("from too few rows say how many are needed", () => {
    const found = auditArms([arm("a", [0.1, 0.5, 0.9])], { ...plain, bound: 0 }).arms.a!;
    expect(found.cvar_lower["0.01"]).toMatchObject({ trivial: true, bound: 0 });
    expect(found.cvar_lower["0.01"].needed).toBeGreaterThan(100);
    expect(found.var_lower["0.01"].bound).toBeNull();
    expect(found.var_lower["0.01"].needed).toBe(299);
  });

  test("hold for the true CVaR as often as they say", () => {
    const random = generator(9);
    let held = 0;
    const rounds = 150;
    const settings = { ...plain, bound: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const uniform = Float64Array.from({ length: 60 }, () => random()).sort();
      if (cvarCertificate(uniform, 0.25, settings, true).bound <= 0.125) held += 1;
    }
    expect(held / rounds).toBeGreaterThanOrEqual(0.95);
  });
});

describe("comparisons", () => {
  test("of the mean over rows are the paired t-test", () => {
    const [x, y] = [normals(80, 1), normals(80, 2)];
    const [row] = auditArms([arm("a", x), arm("b", y)], plain).comparisons;
    const { difference, interval, p } = pairedTest(x, y);
    expect(row).toMatchObject({ a: "a", b: "b", metric: "mean", paired: true, units: 80 });
    expect(row!.difference).toBeCloseTo(difference, 12);
    expect(row!.ci95![0]).toBeCloseTo(interval![0], 9);
    expect(row!.ci95![1]).toBeCloseTo(interval![1], 9);
    expect(row!.p).toBeCloseTo(p!, 9);
  });

  test("are the differences of the arms' own figures, of all metrics and pairs", () => {
    const values = [1, 2, 3].map((seed) => normals(50, seed));
    const { arms, comparisons } = auditArms(
      values.map((one, at) => arm("abc"[at]!, one)),
      { ...plain, harmThreshold: 0 },
    );
    expect(comparisons.map(({ a, b, metric }) => `${a}${b} ${metric}`)).toEqual(
      ["ab", "ac", "bc"].flatMap((pair) =>
        ["mean", "cvar_0.01", "cvar_0.05", "cvar_0.1", "cvar_0.25", "harm_rate"].map(
          (metric) => `${pair} ${metric}`,
        ),
      ),
    );
    for (const { a, b, metric, difference, p, p_holm } of comparisons) {
      const of = (name: string): number => {
        const figures = arms[name]!;
        if (metric === "mean") return figures.mean;
        if (metric === "harm_rate") return figures.harm_rate!;
        return figures.cvar[metric.slice(5) as "0.1"];
      };
      expect(difference).toBeCloseTo(of(a) - of(b), 12);
      expect(p_holm).toBeGreaterThanOrEqual(p!);
    }
  });

  test("of an arm with itself find nothing, and of one that is better everywhere find it", () => {
    const values = normals(200, 4);
    const { comparisons } = auditArms(
      [
        arm("a", values),
        arm("same", values),
        arm(
          "up",
          values.map((x) => x + 0.5),
        ),
      ],
      plain,
    );
    for (const row of comparisons.filter(({ b }) => b === "same")) {
      expect(row).toMatchObject({ difference: 0, ci95: [0, 0], p: 1, p_holm: 1 });
    }
    for (const row of comparisons.filter(({ a, b }) => a === "a" && b === "up")) {
      expect(row.difference).toBeCloseTo(-0.5, 9);
      expect(row.p).toBeLessThan(0.01);
    }
  });

  test("with several rows per prompt are no surer than the prompts are", () => {
    const prompts = normals(50, 7);
    const repeat = (values: readonly number[]): number[] => values.flatMap((x) => Array(8).fill(x));
    const units = repeat(prompts.map((_, at) => at));
    const shift = normals(50, 8);
    const one = repeat(prompts);
    const other = repeat(prompts.map((x, at) => x + shift[at]!));
    const width = (arms: ArmScores[], metric: string): number => {
      const row = auditArms(arms, plain).comparisons.find((found) => found.metric === metric)!;
      return row.ci95![1] - row.ci95![0];
    };
    for (const metric of ["mean", "cvar_0.25"]) {
      const grouped = width([arm("a", one, units), arm("b", other, units)], metric);
      const single = width(
        [
          arm("a", prompts),
          arm(
            "b",
            prompts.map((x, at) => x + shift[at]!),
          ),
        ],
        metric,
      );
      const rows = width([arm("a", one), arm("b", other)], metric);
      expect(grouped / single).toBeCloseTo(1, 0.5);
      expect(rows).toBeLessThan(grouped / 2);
    }
  });

  test("of arms without a common row are Welch's, on all rows of both", () => {
    const [x, y] = [normals(60, 1), normals(40, 2)];
    const apart = arm(
      "b",
      y,
      y.map((_, at) => 1000 + at),
    );
    const [row] = auditArms([arm("a", x), apart], plain).comparisons;
    expect(row).toMatchObject({ paired: false, units: 100 });
    const variance = (values: readonly number[]): number => {
      const centre = values.reduce((sum, one) => sum + one, 0) / values.length;
      return values.reduce((sum, one) => sum + (one - centre) ** 2, 0) / (values.length - 1);
    };
    const error = Math.sqrt(variance(x) / 60 + variance(y) / 40);
    const half = (row!.ci95![1] - row!.ci95![0]) / 2;
    expect(half / error).toBeGreaterThan(1.96);
    expect(half / error).toBeLessThan(2.01);
  });

  test("leave out what only one arm has", () => {
    const { arms, comparisons } = auditArms(
      [arm("a", [1, 2, 3, 100], [0, 1, 2, 3]), arm("b", [1, 1, 1], [0, 1, 2])],
      plain,
    );
    expect(arms.a!.n).toBe(4);
    expect(comparisons[0]).toMatchObject({ difference: 1, units: 3 });
  });

  test("of a single row have no interval", () => {
    const { comparisons } = auditArms([arm("a", [1]), arm("b", [2])], plain);
    expect(comparisons[0]).toMatchObject({ difference: -1, ci95: null, p: null, p_holm: null });
  });

  test("of CVaR seldom find what is not there, and hold it, with few rows in the tail", () => {
    const rounds = 200;
    // E[X | X ≤ q] of a standard normal at 0.25.
    const truth = -1.2711;
    let found = 0;
    let held = 0;
    for (let round = 0; round < rounds; round += 1) {
      const { arms, comparisons } = auditArms(
        [arm("a", normals(20, 2 * round + 1)), arm("b", normals(20, 2 * round + 2))],
        plain,
      );
      const { p, ci95 } = comparisons.find(({ metric }) => metric === "cvar_0.25")!;
      expect(p! < 0.05).toBe(ci95![0] > 0 || ci95![1] < 0);
      if (p! < 0.05) found += 1;
      const [low, high] = arms.a!.ci95.cvar["0.25"]!;
      if (low <= truth && truth <= high) held += 1;
    }
    expect(found / rounds).toBeLessThan(0.05);
    expect(held / rounds).toBeGreaterThan(0.88);
  });

  test("of scores that are all the same find nothing in their rounding", () => {
    const constant = (name: string, rows: number, first: number) =>
      arm(
        name,
        Array.from({ length: rows }, () => 0.3),
        Array.from({ length: rows }, (_, at) => first + at),
      );
    const { arms, comparisons } = auditArms([constant("a", 7, 0), constant("b", 10, 100)], {
      ...plain,
      harmThreshold: 0.2,
    });
    expect(arms.a!.mean).toBeCloseTo(0.3, 15);
    for (const { metric, p } of comparisons) expect([metric, p]).toEqual([metric, 1]);
  });

  test("of more rows than are resampled agree with the bootstrap", () => {
    const long = normals(5001, 1);
    const other = normals(5001, 2);
    const width = (count: number) => {
      const rows = auditArms(
        [arm("a", long.slice(0, count)), arm("b", other.slice(0, count))],
        plain,
      ).comparisons;
      const row = rows.find(({ metric }) => metric === "cvar_0.1")!;
      return { method: row.method, width: row.ci95![1] - row.ci95![0] };
    };
    const [many, few] = [width(5001), width(5000)];
    expect([many.method, few.method]).toEqual(["student-t", "bootstrap"]);
    expect(many.width / few.width).toBeGreaterThan(0.93);
    expect(many.width / few.width).toBeLessThan(1.07);
  });
});

test("the worst places are those of a stable sort", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 }),
      fc.integer({ min: 0, max: 12 }),
      (values, count) => {
        const sorted = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
        expect(worstPlaces(Float64Array.from(values), count)).toEqual(sorted.slice(0, count));
      },
    ),
  );
});
