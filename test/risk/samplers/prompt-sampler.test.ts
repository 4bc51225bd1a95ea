import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DrawnPrompts } from "../../../src/risk/samplers/prompt-sampler.js";
import { promptSamplers } from "../../../src/risk/samplers/registry.js";
import { generator } from "../../../src/stats/random.js";
import { samplerSettings } from "./sampler-settings.js";

interface PromptDraw {
  readonly ids: Uint32Array;
  readonly scores: Float32Array;
  readonly batch: number;
  readonly step: number;
  readonly seed: number;
  readonly strategy: "uniform" | "stratified";
  readonly batchFraction: number;
  readonly hardFraction: number;
}

/** Prepared anew for every draw: nothing but the arguments can count. */
function drawPrompts(draw: PromptDraw): DrawnPrompts {
  const settings = samplerSettings({
    batch_fraction: draw.batchFraction,
    hard_fraction: draw.hardFraction,
  });
  const sampler = promptSamplers[draw.strategy].prepare(draw, settings, draw.seed);
  return sampler.draw({ batch: draw.batch, step: draw.step, memory: null });
}

/** Prompt ids that differ from their positions, and scores that rise with the id. */
function draw(changes: Partial<PromptDraw> & { prompts?: number } = {}): PromptDraw {
  const { prompts = 50, ...others } = changes;
  return {
    ids: Uint32Array.from({ length: prompts }, (_, index) => 1000 + index),
    scores: Float32Array.from({ length: prompts }, (_, index) => index / 10),
    batch: 8,
    step: 0,
    seed: 0,
    strategy: "uniform",
    batchFraction: 0.5,
    hardFraction: 0.2,
    ...others,
  };
}

const settings = fc.record({
  prompts: fc.integer({ min: 10, max: 80 }),
  batch: fc.integer({ min: 1, max: 100 }),
  step: fc.nat({ max: 1000 }),
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
});

/** The prompts of the first steps, one after the other. */
function sequence(steps: number, changes: Parameters<typeof draw>[0]): number[] {
  return Array.from({ length: steps }, (_, step) => [
    ...drawPrompts(draw({ ...changes, step })).prompts,
  ]).flat();
}

describe("uniform", () => {
  test("golden: the first batches of seed 0 are the same for ever", () => {
    expect(sequence(2, {}).join(" ")).toBe(
      "1006 1008 1007 1023 1047 1028 1011 1038 " + "1017 1035 1031 1040 1004 1039 1014 1037",
    );
  });

  test("draws every prompt once per epoch, however batches fall across epochs", () => {
    fc.assert(
      fc.property(settings, ({ prompts, batch, seed }) => {
        const steps = Math.ceil((3 * prompts) / batch);
        const drawn = sequence(steps, { prompts, batch, seed });
        for (let epoch = 0; epoch < 3; epoch += 1) {
          const once = drawn.slice(epoch * prompts, (epoch + 1) * prompts);
          expect(new Set(once).size).toBe(prompts);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("mixes every epoch anew, and every seed", () => {
    const [first, second] = [0, 1].map((epoch) =>
      sequence(2, { batch: 50 })
        .slice(epoch * 50, (epoch + 1) * 50)
        .join(),
    );
    expect(first).not.toBe(second);
    expect(sequence(1, { batch: 50, seed: 1 }).join()).not.toBe(first);
  });

  test("does not depend on the batch size: positions run on", () => {
    expect(sequence(6, { batch: 10 })).toEqual(sequence(10, { batch: 6 }));
  });

  test("is blind to scores and reports none as hard", () => {
    const blind = draw({ scores: new Float32Array(0) });
    expect(drawPrompts(blind)).toEqual(drawPrompts(draw()));
    expect(drawPrompts(blind).hard).toBe(0);
  });

  test("holds for steps far beyond any run", () => {
    const { prompts } = drawPrompts(draw({ step: 10_000_000, batch: 1000 }));
    expect(prompts).toHaveLength(1000);
    expect(new Set(prompts).size).toBe(50);
  });
});

describe("stratified", () => {
  const hardLimit = 1010;
  const stratified = { strategy: "stratified" } as const;

  test("takes round(share·B) from the worst quantile, and says so", () => {
    fc.assert(
      fc.property(settings, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, batchFraction) => {
        const { prompts, hard } = drawPrompts(draw({ ...drawn, ...stratified, batchFraction }));
        const size = Math.ceil(drawn.prompts / 5);
        expect(hard).toBe(Math.round(drawn.batch * batchFraction));
        expect(prompts.filter((id) => id < 1000 + size)).toHaveLength(hard);
        expect(prompts).toHaveLength(drawn.batch);
      }),
    );
  });

  test("walks each stratum without replacement, with its own cursor", () => {
    const drawn = sequence(10, stratified);
    const hard = drawn.filter((id) => id < hardLimit);
    const others = drawn.filter((id) => id >= hardLimit);
    expect(hard).toHaveLength(40);
    // Ten hard prompts, four a batch: each comes once in the first ten, up to order in a batch.
    expect(new Set(hard.slice(0, 8)).size).toBe(8);
    for (const id of new Set(hard)) {
      expect(hard.filter((other) => other === id)).toHaveLength(4);
    }
    expect(new Set(others).size).toBe(40);
  });

  test("does not put the hard ones first: every position sees both", () => {
    const places = new Array<number>(8).fill(0);
    for (let step = 0; step < 400; step += 1) {
      drawPrompts(draw({ ...stratified, step })).prompts.forEach((id, place) => {
        places[place]! += id < hardLimit ? 1 : 0;
      });
    }
    for (const count of places) {
      // 200 expected, standard deviation 10.
      expect(Math.abs(count - 200)).toBeLessThan(50);
    }
  });

  test("breaks ties of the score by position", () => {
    const flat = draw({ ...stratified, scores: new Float32Array(50), batchFraction: 1 });
    const seen = new Set(
      Array.from({ length: 5 }, (_, step) => [...drawPrompts({ ...flat, step }).prompts]).flat(),
    );
    expect([...seen].sort()).toEqual(Array.from({ length: 10 }, (_, index) => 1000 + index));
  });

  test("refuses a stratum with nothing in it", () => {
    const all = draw({ ...stratified, prompts: 3, hardFraction: 0.9 });
    expect(() => drawPrompts(all)).toThrow(/no prompt to draw from for prompts\/other/);
    expect(drawPrompts({ ...all, batchFraction: 1 }).hard).toBe(8);
  });

  test("refuses uneven or unordered scores and shares out of range", () => {
    const refused = (changes: Partial<PromptDraw>) => () =>
      drawPrompts(draw({ ...stratified, ...changes }));
    expect(refused({ scores: new Float32Array(3) })).toThrow(/ids has 50 values and scores has 3/);
    expect(refused({ scores: new Float32Array(50).fill(Number.NaN) })).toThrow(/NaN/);
    expect(refused({ batchFraction: 1.5 })).toThrow(/batch_fraction is 1.5/);
    expect(refused({ batchFraction: Number.NaN })).toThrow(RangeError);
    expect(refused({ hardFraction: 0 })).toThrow(/hard_fraction is 0/);
    expect(refused({ hardFraction: 1 })).toThrow(/hard_fraction is 1/);
  });
});

describe("both strategies", () => {
  const strategy = fc.constantFrom("uniform" as const, "stratified" as const);

  test("are functions of the step: a resumed run draws what the unbroken one drew", () => {
    fc.assert(
      fc.property(settings, strategy, (drawn, kind) => {
        const once = drawPrompts(draw({ ...drawn, strategy: kind }));
        drawPrompts(draw({ ...drawn, strategy: kind, step: drawn.step + 1 }));
        expect(drawPrompts(draw({ ...drawn, strategy: kind }))).toEqual(once);
      }),
    );
  });

  test("leave ids and scores as they were", () => {
    const one = draw({ strategy: "stratified" });
    drawPrompts(one);
    expect(one).toEqual(draw({ strategy: "stratified" }));
  });

  test("refuse to draw from nothing, and numbers out of range", () => {
    for (const kind of ["uniform", "stratified"] as const) {
      expect(() => drawPrompts(draw({ prompts: 0, strategy: kind }))).toThrow(/no prompt/);
      expect(() => drawPrompts(draw({ batch: 0, strategy: kind }))).toThrow(/batch is 0/);
      expect(() => drawPrompts(draw({ step: -1, strategy: kind }))).toThrow(/step is -1/);
      expect(() => drawPrompts(draw({ seed: -1, strategy: kind }))).toThrow(/seed is -1/);
    }
  });

  test("are quick for a large train set", () => {
    const random = generator(1);
    const scores = Float32Array.from({ length: 57_900 }, random);
    for (let step = 0; step < 10; step += 1) {
      const large = draw({ prompts: 57_900, scores, batch: 128, step, strategy: "stratified" });
      expect(drawPrompts(large).hard).toBe(64);
    }
  });
});

describe("the natural mix", () => {
  const strata = fc.record({
    prompts: fc.integer({ min: 10, max: 60 }),
    batch: fc.integer({ min: 4, max: 40 }),
    batchFraction: fc.double({ min: 0.3, max: 0.7, noNaN: true }),
    hardFraction: fc.double({ min: 0.1, max: 0.6, noNaN: true }),
    seed: fc.nat(),
  });

  test("is what is drawn under uniform", () => {
    const { isHard, naturalWeights } = drawPrompts(draw());
    expect([...isHard, ...naturalWeights]).toEqual([...Array(8).fill(0), ...Array(8).fill(1)]);
  });

  test("weighs a stratum by its share of all prompts over its share of the batch", () => {
    // 10 of 50 prompts are hard, and 6 of a batch of 8.
    const drawn = drawPrompts(draw({ strategy: "stratified", batchFraction: 0.75 }));
    expect([...drawn.isHard]).toEqual(Array.from(drawn.prompts, (id) => (id < 1010 ? 1 : 0)));
    for (const [at, weight] of drawn.naturalWeights.entries()) {
      expect(weight).toBeCloseTo(drawn.isHard[at] === 1 ? 0.2 / 0.75 : 0.8 / 0.25, 12);
    }
  });

  test("has mean 1, and gives back the mean over all prompts", () => {
    fc.assert(
      fc.property(strata, (settings) => {
        const whole = draw({ strategy: "stratified", ...settings });
        const figureOf = (id: number) => Math.sin(id);
        // A stratum's walk has drawn each of its prompts equally often after prompts steps.
        let [sum, count] = [0, 0];
        for (let step = 0; step < settings.prompts; step += 1) {
          const { prompts, naturalWeights } = drawPrompts({ ...whole, step });
          expect(naturalWeights.reduce((a, b) => a + b, 0)).toBeCloseTo(settings.batch, 9);
          for (const [at, id] of prompts.entries()) sum += naturalWeights[at]! * figureOf(id);
          count += settings.batch;
        }
        const natural = whole.ids.reduce((total, id) => total + figureOf(id), 0) / whole.ids.length;
        const range = 1 / settings.prompts;
        expect(Math.abs(sum / count - natural)).toBeLessThan(0.02 + range);
      }),
      { numRuns: 25 },
    );
  });
});
