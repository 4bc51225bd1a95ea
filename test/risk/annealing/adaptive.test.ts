import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../../src/config/schema/risk.js";
import type { AnnealingSignals } from "../../../src/risk/annealing/annealing.js";
import {
  type AnnealingTurn,
  afterStep,
  alphaInForce,
  plannedAlpha,
  type RiskSchedule,
} from "../../../src/risk/annealing/schedule.js";

const iterations = 100;
const batch = 64;
const terms = (changes: object = {}): RiskSchedule =>
  riskSchema.parse({
    annealing: "adaptive",
    alpha: 0.25,
    warmup: 10,
    rho: 1,
    ...changes,
  });

type Reading = Partial<AnnealingSignals>;

/** A loop fed with made-up figures: α' of every iteration, and what was made of each. */
function course(schedule: RiskSchedule, readings: (step: number) => Reading, length = iterations) {
  const alphas: number[] = [];
  const turns: AnnealingTurn[] = [];
  let memory: AnnealingTurn["memory"] = null;
  for (let step = 0; step < length; step += 1) {
    const alpha = alphaInForce(schedule, step, iterations, memory);
    alphas.push(alpha);
    const signals = {
      effective: Math.ceil(batch * alpha),
      kl: 1,
      klTarget: 6,
      cvar: step,
      batch,
      ...readings(step),
    };
    const turn = afterStep(schedule, step, iterations, memory, signals);
    turns.push(turn);
    memory = turn.memory;
  }
  return { alphas, turns, causes: turns.map(({ decision }) => decision!.cause) };
}

describe("an adaptive annealing", () => {
  test("that nothing holds falls by its rate from n on, twice as fast as soft, to α exactly", () => {
    const { alphas, causes } = course(terms(), () => ({}));
    // 2·0.75/(100 − 10) an iteration: 45 of them.
    expect(alphas.slice(0, 11)).toEqual(Array(11).fill(1));
    expect(alphas[11]).toBeCloseTo(1 - 1 / 60, 12);
    expect(alphas[54]).toBeGreaterThan(0.25);
    expect(alphas.slice(55)).toEqual(Array(45).fill(0.25));
    expect(causes.slice(0, 10)).toEqual(Array(10).fill("held: warm start"));
    expect(causes.slice(10, 55)).toEqual(Array(45).fill("lowered"));
    expect(causes.slice(55)).toEqual(Array(45).fill("reached"));
  });

  test("with a rate of its own needs no ρ", () => {
    const schedule = terms({ adaptive: { rate: 0.5 }, rho: 0.01 });
    expect(course(schedule, () => ({})).alphas.slice(10, 13)).toEqual([1, 0.5, 0.25]);
  });

  test("is held while the KL is over its limit, and goes on after it", () => {
    const high = (step: number) => step >= 20 && step < 30;
    const { alphas, causes } = course(terms(), (step) => ({ kl: high(step) ? 9.1 : 9 }));
    expect(causes.slice(19, 31)).toEqual([
      "lowered",
      ...Array(10).fill("held: KL over its limit"),
      "lowered",
    ]);
    expect(new Set(alphas.slice(20, 31)).size).toBe(1);
    expect(course(terms({ adaptive: { kl: null } }), () => ({ kl: 1000 })).causes).toContain(
      "reached",
    );
  });

  test("is held where too few effective episodes would be left", () => {
    const schedule = terms({ adaptive: { episodes: 12 } });
    expect(course(schedule, () => ({})).alphas.at(-1)).toBe(0.25);
    const memory = { alpha: 0.5, cvar: [] };
    const signals = { effective: 16, kl: 1, klTarget: 6, cvar: 0, batch };
    const held = afterStep(schedule, 50, iterations, memory, { ...signals, effective: 12 });
    expect(held.decision).toMatchObject({ alphaNext: 0.5, cause: "held: few effective episodes" });
    expect(held.decision!.effectiveNext).toBeCloseTo((12 * 31) / 32, 12);
    expect(afterStep(schedule, 50, iterations, memory, signals).decision!.cause).toBe("lowered");
  });

  test("is held while CVaR falls clearly, not while it falls within its noise", () => {
    const falling = course(terms(), (step) => ({ cvar: -step }));
    expect(falling.causes.slice(10)).toEqual(Array(90).fill("held: CVaR falls"));
    const noisy = course(terms(), (step) => ({ cvar: (step % 2) * 5 - step / 1000 }));
    expect(noisy.causes).toContain("reached");
    const level = course(terms(), () => ({ cvar: -3 }));
    expect(level.causes).toContain("reached");
    const blind = terms({ adaptive: { decline: null } });
    expect(course(blind, (step) => ({ cvar: -step })).causes).toContain("reached");
  });

  test("takes the slope and its error of the window by least squares", () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6];
    const schedule = terms({ adaptive: { window: 5 } });
    const { turns } = course(schedule, (step) => ({ cvar: values[step]! }), values.length);
    // Of 1, 5, 9, 2, 6: slope 7/10; residuals −2.2, 1.1, 4.4, −3.3, 0 → √(36.3/3/10).
    expect(turns.at(-1)!.decision!.slope).toBeCloseTo(0.7, 12);
    expect(turns.at(-1)!.decision!.slopeError).toBeCloseTo(Math.sqrt(1.21), 12);
    expect(turns[1]!.decision!.slope).toBeNull();
    expect(turns.at(-1)!.memory).toEqual({ alpha: 1, cvar: [1, 5, 9, 2, 6] });
  });

  test("never rises, never under α, never by more than its rate, whatever it is told", () => {
    const signal = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
    const reading = fc.record({
      effective: fc.double({ noNaN: true, min: 1, max: batch }),
      kl: signal,
      cvar: signal,
    });
    fc.assert(
      fc.property(
        fc.array(reading, { minLength: iterations, maxLength: iterations }),
        fc.integer({ min: 1, max: 100 }),
        (readings, percent) => {
          const schedule = terms({ alpha: percent / 100 });
          const { alphas, turns } = course(schedule, (step) => readings[step]!);
          const rate = (2 * (1 - schedule.alpha)) / 90;
          for (const [step, alpha] of alphas.entries()) {
            const before = alphas[step - 1] ?? 1;
            expect(alpha).toBeLessThanOrEqual(before);
            expect(before - alpha).toBeLessThanOrEqual(rate + 1e-12);
            expect(alpha).toBeGreaterThanOrEqual(schedule.alpha);
            const bound = plannedAlpha(schedule, step, iterations);
            expect(alpha).toBeGreaterThanOrEqual(bound - 1e-12);
            if (step > 0) {
              expect(turns[step - 1]!.decision!.alphaNext).toBe(alpha);
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test("goes on from its memory to the bit, through JSON", () => {
    const schedule = terms();
    const readings = (step: number) => ({ cvar: Math.sin(step * 7), kl: 6 + 4 * Math.cos(step) });
    const whole = course(schedule, readings);
    let memory = JSON.parse(JSON.stringify(whole.turns[39]!.memory)) as AnnealingTurn["memory"];
    for (let step = 40; step < iterations; step += 1) {
      const alpha = alphaInForce(schedule, step, iterations, memory);
      expect(alpha).toBe(whole.alphas[step]);
      const effective = Math.ceil(batch * alpha);
      const signals = { effective, klTarget: 6, batch, ...readings(step) };
      ({ memory } = afterStep(schedule, step, iterations, memory, signals));
    }
    expect(memory).toEqual(whole.turns.at(-1)!.memory);
  });

  test("refuses a memory that is not its own", () => {
    expect(() => alphaInForce(terms(), 3, iterations, { threshold: 1 })).toThrow(/no memory/);
  });
});
