import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readEpisodesFile, writeEpisodesFile } from "../../src/journal/episodes-file.js";
import type { Episodes } from "../../src/journal/events.js";
import { sha256Of } from "../../src/system/sha256.js";

const folder = mkdtempSync(join(tmpdir(), "averse-episodes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const figure = fc.option(
  fc
    .float({ noNaN: true, noDefaultInfinity: true })
    .map((value) => Number(Math.fround(value).toPrecision(9))),
  { freq: 5 },
);
const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const batch = fc.integer({ min: 1, max: 12 }).chain((size) => {
  const figures = fc.array(figure, { minLength: size, maxLength: size });
  const counts = fc.array(count, { minLength: size, maxLength: size });
  return fc.record(
    {
      advantage: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: size, maxLength: size }),
      components: fc.dictionary(fc.string({ minLength: 1 }), figures, { minKeys: 1, maxKeys: 4 }),
      prompt: counts,
      reward: figures,
      kl: figures,
      return: figures,
      length: counts,
      weight: fc.array(fc.nat({ max: 3 }), { minLength: size, maxLength: size }),
    },
    { requiredKeys: ["prompt", "reward", "kl", "return", "length", "weight"] },
  );
});

describe("a file of episodes", () => {
  test("gives back what was written, advantages and components in", () => {
    const path = join(folder, "a.bin");
    fc.assert(
      fc.property(batch, (episodes) => {
        const { sha256, count } = writeEpisodesFile(path, episodes as Episodes);
        expect(count).toBe(episodes.prompt.length);
        expect(JSON.stringify(readEpisodesFile(path, sha256))).toBe(JSON.stringify(episodes));
      }),
      { numRuns: 60 },
    );
  });

  test("without either is of the first version, bit for bit", () => {
    const path = join(folder, "b.bin");
    const episodes = { prompt: [7], reward: [1], kl: [0], return: [1], length: [3], weight: [1] };
    writeEpisodesFile(path, episodes);
    const words = new Uint32Array(new Uint8Array(readFileSync(path)).buffer);
    expect([...words.slice(1, 4)]).toEqual([1, 1, 7]);
    expect(words.length).toBe(3 + 6);
  });

  test("that is cut, or has names that are none, is refused", () => {
    const path = join(folder, "c.bin");
    const scores = { prompt: [7], reward: [1], kl: [0], return: [1], length: [3], weight: [1] };
    writeEpisodesFile(path, { components: { a: [1] }, ...scores });
    const whole = readFileSync(path);
    const nameless = Buffer.from(whole);
    nameless.write("{{{{", 16);
    for (const bytes of [whole.subarray(0, -4), whole.subarray(0, 14), nameless]) {
      writeFileSync(path, bytes);
      expect(() => readEpisodesFile(path, sha256Of(bytes))).toThrow(/not an episodes file/);
    }
  });
});
