import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { iterationName, iterationNumber, iterationPoint } from "../../src/text/iterations.js";

describe("iterations in words", () => {
  it("count from 1, as the iterations that are done after them", () => {
    expect(iterationName(0, 12)).toBe("iteration 1/12");
    expect(iterationName(11, 12)).toBe("iteration 12/12");
    expect(iterationName(9)).toBe("iteration 10");
    expect(iterationPoint(10)).toBe("iteration 10");
    expect(iterationPoint(null)).toBe("the start");
  });

  it("give a step and the checkpoint after it one number", () => {
    fc.assert(
      fc.property(fc.nat(), (step) => {
        expect(iterationPoint(iterationNumber(step))).toBe(iterationName(step));
      }),
    );
  });
});
