import fc from "fast-check";
import { expect, test } from "vitest";
import { displayWidth } from "../../../src/text/width.js";
import { launcherScroll } from "../../../src/tui/launcher/launcher-screen.js";
import {
  emptyLauncher,
  foundExperiments,
  foundRuns,
  readComparison,
} from "../../../src/tui/launcher/launcher-state.js";
import { keyNames } from "../../../src/tui/terminal/keys.js";
import { comparedRuns } from "../compare/compare-fixture.js";
import { afterKeys, experiment, experiments, frameOf, run } from "./launcher-fixture.js";

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(
    "\u001b[2J\u001b]0;title\u0007",
    "漢字漢字漢字",
    "👩‍👩‍👧‍👦👍🏽",
    "\u202eאבג",
    "e\u0301".repeat(40),
    "x".repeat(5000),
  ),
);

test("a frame is lower than the terminal and no line wider, whatever is in it and pressed", () => {
  fc.assert(
    fc.property(
      fc.record({
        columns: fc.integer({ min: 1, max: 200 }),
        rows: fc.integer({ min: 2, max: 60 }),
      }),
      fc.array(nasty, { maxLength: 30 }),
      fc.array(fc.constantFrom(...keyNames, ..."jnc?/r x1"), { maxLength: 12 }),
      fc.boolean(),
      (size, texts, keys, unicode) => {
        const style = { unicode, color: true };
        const found = foundRuns(
          foundExperiments(emptyLauncher, [
            ...experiments,
            ...texts
              .slice(0, 5)
              .map((text, at) => experiment("smoke", { id: `${at}${text}`, purpose: text })),
          ]),
          texts.map((text, at) =>
            run(`${at}${text}`, {
              purpose: text,
              message: text,
              trial: text,
              state: at % 2 === 0 ? "failed" : "running",
            }),
          ),
        );
        const state = readComparison(afterKeys(found, ...keys), comparedRuns);
        const text = frameOf(state, size, style);
        const rows = text.split("\n");
        expect(rows.length).toBeLessThanOrEqual(size.rows - 1);
        for (const row of rows) {
          expect(displayWidth(row)).toBeLessThanOrEqual(size.columns);
        }
        expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\u202e/u);
        if (!unicode) {
          expect(text).toMatch(/^[\x20-\x7e\n]*$/);
        }
        expect(launcherScroll(state, size, style)).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 150 },
  );
});
