import { describe, expect, test } from "vitest";
import { studentT975, studentTCentral, studentTOutside } from "../../src/stats/student-t.js";

describe("studentT975", () => {
  // scipy.stats.t.ppf(0.975, ν)
  test.each([
    [1, 12.706204736174694],
    [2, 4.302652729749462],
    [3, 3.1824463052837078],
    [4, 2.7764451051977934],
    [5, 2.5705818356363146],
    [8, 2.306004135204166],
    [9, 2.262157162798205],
    [15, 2.131449545559776],
    [29, 2.045229642132703],
    [30, 2.0422724563012378],
    [100, 1.9839715185235518],
    [999, 1.9623414611334493],
    [2000, 1.9611508260994377],
    [2001, 1.9611502326224413],
    [5000, 1.9604385517065073],
    [100_000, 1.9599877075346095],
  ])("with %i degrees of freedom is SciPy's %d", (degrees, expected) => {
    expect(studentT975(degrees)).toBeCloseTo(expected, 9);
  });

  test("falls with the degrees of freedom, down to the normal's 1.96", () => {
    let before = Infinity;
    for (const degrees of [1, 2, 3, 4, 7, 19, 20, 400, 1999, 2000, 2001, 2002, 10_000]) {
      const now = studentT975(degrees);
      expect(now).toBeLessThan(before);
      expect(now).toBeGreaterThan(1.959963);
      before = now;
    }
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses %d degrees of freedom", (degrees) => {
    expect(() => studentT975(degrees)).toThrow(/degrees of freedom is/);
  });
});

describe("studentTCentral", () => {
  // scipy.stats.t.ppf(0.5 + p/2, ν)
  test.each([
    [0.99, 1, 63.656741162871526],
    [0.5, 3, 0.7648923284043444],
    [0.999, 10, 4.586893858702708],
    [1 - 0.05 / 45, 299, 3.2927649798387515],
    [0.99, 999, 2.5807596372676365],
    [0.975, 3000, 2.242528434411152],
  ])("at %d with %i degrees of freedom is SciPy's %d", (probability, degrees, expected) => {
    expect(studentTCentral(probability, degrees)).toBeCloseTo(expected, 8);
  });

  test.each([0, 1, -0.5, Number.NaN])("refuses the probability %d", (probability) => {
    expect(() => studentTCentral(probability, 3)).toThrow(/probability is/);
  });
});

describe("studentTOutside", () => {
  // 2·scipy.stats.t.sf(|t|, ν)
  test.each([
    [0.5, 1, 0.7048327646991335],
    [2, 1, 0.2951672353008665],
    [-2.5, 4, 0.06676654481198814],
    [3.1, 29, 0.00427818237355557],
    [6, 199, 9.1781700040447e-9],
    [1.96, 999, 0.050273462733810045],
    [2.2, 5000, 0.02785248246632657],
    [0, 7, 1],
  ])("of %d with %i degrees of freedom is SciPy's %d", (t, degrees, expected) => {
    expect(studentTOutside(t, degrees)).toBeCloseTo(expected, 11);
  });

  test("refuses what is not finite", () => {
    expect(() => studentTOutside(Infinity, 3)).toThrow(/t/);
  });
});
