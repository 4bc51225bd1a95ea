import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupsByPrompt } from "../../src/analysis/prompt-groups.js";

describe("groupsByPrompt", () => {
  const batch = fc
    .record({
      completions: fc.integer({ min: 1, max: 6 }),
      prompts: fc.integer({ min: 1, max: 8 }),
    })
    .chain(({ completions, prompts }) =>
      fc.record({
        completions: fc.constant(completions),
        ids: fc.array(fc.nat(3), { minLength: prompts, maxLength: prompts }),
        returns: fc.array(fc.option(fc.integer({ min: -9, max: 9 }), { freq: 4 }), {
          minLength: prompts * completions,
          maxLength: prompts * completions,
        }),
      }),
    );

  test("parts the episodes into the prompts drawn, each with its own figures, worst first", () => {
    fc.assert(
      fc.property(batch, ({ completions, ids, returns }) => {
        const prompt = ids.flatMap((id) => Array<number>(completions).fill(id));
        const groups = groupsByPrompt({ prompt, return: returns }, completions);
        // Drawn twice, a prompt is two groups.
        expect(groups.map(({ place }) => place).sort((a, b) => a - b)).toEqual([...ids.keys()]);
        const members = groups.flatMap((group) => [...group.episodes]);
        expect(members.sort((a, b) => a - b)).toEqual([...prompt.keys()]);
        for (const { place, prompt: id, episodes: own, mean, spread } of groups) {
          expect(id).toBe(ids[place]);
          expect(own.every((at) => Math.floor(at / completions) === place)).toBe(true);
          const known = own.flatMap((at) => returns[at] ?? []);
          expect(known).toEqual([...known].sort((a, b) => a - b));
          const average = known.reduce((sum, value) => sum + value, 0) / known.length;
          if (known.length === 0) {
            expect([mean, spread]).toEqual([null, null]);
          } else {
            expect(mean).toBeCloseTo(average);
            const squares = known.reduce((sum, value) => sum + (value - average) ** 2, 0);
            expect(spread === null).toBe(known.length < 2);
            expect(spread ?? 0).toBeCloseTo(Math.sqrt(squares / Math.max(1, known.length - 1)));
          }
        }
        const means = groups.map(({ mean }) => mean ?? Infinity);
        expect(means).toEqual([...means].sort((a, b) => a - b));
      }),
    );
  });
});
