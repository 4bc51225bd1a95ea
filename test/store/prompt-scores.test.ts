/** Prompt scores on disk: back to the last bit, and never damaged ones. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { promptScoresFile } from "../../src/store/paths.js";
import { readPromptScores, writePromptScores } from "../../src/store/prompt-scores.js";
import { RecordError } from "../../src/system/record-error.js";

const digest = "0123456789abcdef".repeat(4);
let run: string;

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "averse-scores-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });

test("come back as they were written", () => {
  fc.assert(
    fc.property(fc.array(float32), fc.array(float32), (one, other) => {
      const scores = [
        { name: "reward", scores: Float32Array.from(one) },
        { name: "other", scores: Float32Array.from(other) },
      ];
      writePromptScores(run, digest, scores);
      expect(readPromptScores(run, digest)).toEqual(scores);
    }),
    { numRuns: 20 },
  );
});

test("there are none under another digest", () => {
  writePromptScores(run, digest, []);
  expect(readPromptScores(run, digest.replace("0", "f"))).toBeNull();
});

test("any change of the file is found", () => {
  writePromptScores(run, digest, [{ name: "reward", scores: Float32Array.of(0.5, -2, 7) }]);
  const path = join(run, promptScoresFile(digest));
  const whole = readFileSync(path);
  const unharmed = [readPromptScores(run, digest)!];
  for (const at of whole.keys()) {
    const changed = Buffer.from(whole);
    changed[at] = changed[at]! ^ 1;
    writeFileSync(path, changed);
    try {
      unharmed.push(readPromptScores(run, digest)!);
    } catch (error) {
      expect(error).toBeInstanceOf(RecordError);
    }
  }
  // White space may change; a score or a name never does.
  for (const scores of unharmed) {
    expect(scores).toEqual(unharmed[0]);
  }
  writeFileSync(path, whole.subarray(0, whole.length / 2));
  expect(() => readPromptScores(run, digest)).toThrow(RecordError);
});

test.each(["../../journal", "A".repeat(64), ""])("the digest %j leads to no file", (bad) => {
  expect(() => writePromptScores(run, bad, [])).toThrow(RecordError);
  expect(existsSync(join(run, "cache"))).toBe(false);
});
