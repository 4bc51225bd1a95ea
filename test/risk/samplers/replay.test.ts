import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MemoryPart } from "../../../src/risk/memory.js";
import type { SamplerSettings } from "../../../src/risk/samplers/prompt-sampler.js";
import { replaySampler } from "../../../src/risk/samplers/replay.js";
import { samplerSettings } from "./sampler-settings.js";

const ids = Uint32Array.from({ length: 60 }, (_, at) => 1000 + at);
const prepared = (changes: Partial<SamplerSettings> = {}, seed = 0) =>
  replaySampler.prepare({ ids, scores: null }, samplerSettings(changes), seed);
const sum = (values: Iterable<number>) => [...values].reduce((total, one) => total + one, 0);

interface Buffer {
  readonly prompts: readonly number[];
  readonly steps: readonly number[];
}

/** Steps in which prompts under `bad` are the tail. */
function trained(
  sampler: ReturnType<typeof prepared>,
  steps: number,
  { batch = 20, completions = 1, bad = 1006, alpha = 0.1 } = {},
) {
  let memory: MemoryPart = null;
  return Array.from({ length: steps }, (_, step) => {
    const drawn = sampler.draw({ batch, step, memory });
    const ranking = Float32Array.from({ length: batch * completions }, (_, at) => {
      const id = drawn.prompts[Math.floor(at / completions)]!;
      return id < bad ? id - 2000 : id + at / 100;
    });
    const before = memory;
    memory = sampler.learn!({ drawn, step, ranking, completions, alpha, memory });
    return { drawn, before, after: memory as unknown as Buffer };
  });
}

describe("replay", () => {
  test("begins with a uniform batch of different prompts", () => {
    const drawn = prepared().draw({ batch: 60, step: 0, memory: null });
    expect([...drawn.prompts].sort()).toEqual([...ids]);
    expect(drawn.hard).toBe(0);
    expect([...drawn.naturalWeights]).toEqual(Array(60).fill(1));
    expect(drawn.strata).toEqual([
      { sampled: 0, natural: 0 },
      { sampled: 1, natural: 1 },
    ]);
  });

  test("draws its fraction from the prompts that lay in the tail, and says which", () => {
    for (const { drawn, before } of trained(prepared({ batch_fraction: 0.3 }), 20).slice(1)) {
      const recent = (before as unknown as Buffer).prompts;
      expect(drawn.hard).toBe(6);
      const replayed = drawn.prompts.filter((_, at) => drawn.isHard[at] === 1);
      expect(replayed.every((id) => recent.includes(id))).toBe(true);
      // Fewer than are wanted: each comes as often as any other, but for one.
      const times = recent.map((id) => replayed.filter((other) => other === id).length);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
    }
  });

  test("comes to hold the prompts of the tail", () => {
    const { after } = trained(prepared({ window: 8 }), 40).at(-1)!;
    expect(after.prompts.filter((id) => id < 1006).length).toBeGreaterThanOrEqual(5);
  });

  test("forgets prompts that have not lain in the tail for a window of iterations", () => {
    const sampler = prepared({ window: 3 });
    for (const [step, { after }] of trained(sampler, 15).entries()) {
      expect(after.steps.every((own) => own > step - 3 && own <= step)).toBe(true);
      expect(new Set(after.prompts).size).toBe(after.prompts.length);
    }
  });

  test("keeps no more than its buffer, the newest", () => {
    for (const { after } of trained(prepared({ buffer: 4, window: 100 }), 15, { alpha: 0.4 })) {
      expect(after.prompts.length).toBeLessThanOrEqual(4);
      expect(after.steps).toEqual(after.steps.toSorted((a, b) => a - b));
    }
  });

  test("weights give back the natural mix, exactly in expectation", () => {
    const memory = { prompts: [1000, 1001, 1002, 1003, 1004], steps: [0, 0, 0, 0, 0] };
    const sampler = prepared({ batch_fraction: 0.5 });
    const times = new Map<number, number>();
    const steps = 4000;
    for (let step = 0; step < steps; step += 1) {
      const { prompts, naturalWeights } = sampler.draw({ batch: 16, step, memory });
      for (const [at, id] of prompts.entries()) {
        times.set(id, (times.get(id) ?? 0) + naturalWeights[at]!);
        // Half uniform, half replayed: 1/2 + 1/2·60/5 times as often as in the data, or half as often.
        expect(naturalWeights[at]).toBeCloseTo(id < 1005 ? 1 / 6.5 : 2, 12);
      }
    }
    // Each prompt should count 16/60 a batch: variance under 2·16/60, five standard errors.
    for (const id of ids) {
      const count = times.get(id)! / steps;
      expect(Math.abs(count - 16 / 60)).toBeLessThan(5 * Math.sqrt(0.54 / steps));
    }
  });

  test("shares are those of the draw, whatever the buffer", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 30 }),
        fc.integer({ min: 2, max: 80 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.nat({ max: 500 }),
        (recent, batch, batch_fraction, step) => {
          const memory = { prompts: recent, steps: recent.map(() => 0) };
          const sampler = prepared({ batch_fraction });
          const drawn = sampler.draw({ batch, step, memory });
          expect(drawn.prompts).toHaveLength(batch);
          expect(drawn.prompts.every((id) => ids.includes(id))).toBe(true);
          expect(sum(drawn.strata.map(({ sampled }) => sampled))).toBeCloseTo(1, 12);
          // E Σw/B = Σ over strata of sampled share × weight.
          const [tail, rest] = drawn.strata;
          const inTail = new Set<number>(recent);
          for (const [at, id] of drawn.prompts.entries()) {
            const { sampled, natural } = inTail.has(id) ? tail! : rest!;
            expect(drawn.naturalWeights[at]).toBeCloseTo(natural / sampled, 9);
          }
          expect(prepared({ batch_fraction }).draw({ batch, step, memory })).toEqual(drawn);
        },
      ),
    );
  });

  test("takes a prompt for bad that has one episode in the tail, and none without a reward", () => {
    const sampler = prepared();
    const drawn = sampler.draw({ batch: 4, step: 3, memory: null });
    const ranking = Float32Array.of(1, 2, 0, 9, Number.NaN, Number.NaN, 5, 6);
    const told = { drawn, step: 3, ranking, completions: 2, alpha: 0.3, memory: null };
    expect(sampler.learn!(told)).toEqual({
      prompts: [drawn.prompts[0], drawn.prompts[1]],
      steps: [3, 3],
    });
  });
});
