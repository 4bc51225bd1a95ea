import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstRow } from "../../../src/tui/terminal/scroll.js";

describe("firstRow", () => {
  test("moves no further than the selection needs, and never past the end", () => {
    const count = 50;
    fc.assert(
      fc.property(
        fc.option(fc.nat(49)),
        fc.integer({ min: -100, max: 100 }),
        fc.integer({ min: 1, max: 60 }),
        (selected, offset, room) => {
          const first = firstRow({ count, selected, offset, room });
          const last = Math.max(0, count - room);
          expect(first).toBeGreaterThanOrEqual(0);
          expect(first).toBeLessThanOrEqual(last);
          if (selected !== null) {
            expect(first).toBeLessThanOrEqual(selected);
            expect(first + room).toBeGreaterThan(selected);
          }
          const inView = selected === null || (offset <= selected && selected < offset + room);
          if (inView && offset >= 0 && offset <= last) {
            expect(first).toBe(offset);
          }
        },
      ),
    );
  });
});
