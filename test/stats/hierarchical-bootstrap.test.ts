import { describe, expect, test } from "vitest";
import { hierarchicalBootstrap } from "../../src/stats/hierarchical-bootstrap.js";
import { generator } from "../../src/stats/random.js";

const meanOf = (values: readonly number[]) => (resample: Uint32Array) =>
  resample.reduce((sum, index) => sum + values[index]!, 0) / resample.length;

describe("hierarchicalBootstrap", () => {
  test("is the same for the same stream, and null for one seed", () => {
    const values = [0.3, 0.1, 0.9, 0.4];
    const of = (seeds: number) =>
      hierarchicalBootstrap(
        Array.from({ length: seeds }, () => 4),
        (seed, resample) => seed + meanOf(values)(resample),
        generator(3),
        { shared: false },
      );
    expect(of(3)).toEqual(of(3));
    expect(of(1)).toBeNull();
  });

  test("without noise over prompts it is the bootstrap over seeds: its ends are their means", () => {
    const [low, high] = hierarchicalBootstrap([5, 5], (seed) => seed, generator(1), {
      shared: true,
    })!;
    expect([low, high]).toEqual([0, 1]);
  });

  test("what a prompt gives all seeds is averaged out unless the prompts are shared", () => {
    const random = generator(7);
    const values = Array.from({ length: 100 }, () => random());
    const width = (shared: boolean) => {
      const [low, high] = hierarchicalBootstrap(
        new Array<number>(10).fill(100),
        (_, resample) => meanOf(values)(resample),
        generator(2),
        { shared },
      )!;
      return high - low;
    };
    // The prompts' own noise, against a tenth of its variance.
    expect(width(true) / width(false)).toBeCloseTo(Math.sqrt(10), 0);
    const spread = Math.sqrt(1 / 12 / 100);
    expect(width(true) / (2 * 1.96 * spread)).toBeCloseTo(1, 0.7);
  });

  test("prompts that are shared are as many; the statistic is finite", () => {
    expect(() => hierarchicalBootstrap([3, 4], () => 0, generator(0), { shared: true })).toThrow(
      "seeds have 3, 4 prompts",
    );
    expect(() =>
      hierarchicalBootstrap([3, 3], () => Number.NaN, generator(0), { shared: true }),
    ).toThrow("NaN");
  });
});
