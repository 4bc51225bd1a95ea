import { describe, expect, test } from "vitest";
import { renderTable } from "../../src/report/table.js";
import { displayWidth } from "../../src/text/width.js";
import { fixtureRun } from "./fixture.js";

const one = fixtureRun().evaluation;
const several = fixtureRun({ seeds: [0, 1, 2] }).evaluation;
const plain = { width: 120, unicode: true, color: false };

describe("renderTable", () => {
  test("shows every arm and column where there is room", () => {
    expect(renderTable(several, plain)).toMatchInlineSnapshot(`
      "arm           mean reward  tail reward      CVaR₀.₁  harm rate %  perplexity        Dist-2     length  seconds
      ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
      sft            0.11 ±0.05  −2.75 ±0.18  −3.00 ±0.15    10.2 ±0.4   41.0 ±0.0  0.830 ±0.000  46.5 ±0.0    40 ±0
      rlhf           1.70 ±0.10  −1.56 ±0.25  −1.75 ±0.23     3.9 ±1.4   44.8 ±0.0  0.773 ±0.000  47.0 ±0.0   160 ±0
      rlhf-kl        2.37 ±0.09  −0.31 ±0.14  −0.60 ±0.11     0.5 ±0.3   49.4 ±0.0  0.705 ±0.000  47.5 ±0.0   160 ±0
      ra-rlhf        1.76 ±0.09  −1.24 ±0.16  −1.47 ±0.13     2.2 ±0.5   47.1 ±0.0  0.739 ±0.000  47.3 ±0.0   124 ±0
      ra-rlhf-hard   2.30 ±0.21   0.04 ±0.22  −0.35 ±0.21     0.3 ±0.0   47.8 ±0.0  0.727 ±0.000  47.4 ±0.0   160 ±0
      ±: standard deviation over 3 seeds"
    `);
  });

  test("puts spreads under the means on a narrow terminal", () => {
    expect(renderTable(several, { ...plain, width: 80 })).toMatchInlineSnapshot(`
      "arm           reward   tail  CVaR₀.₁  harm %   ppl  Dist-2  length  sec
      ───────────────────────────────────────────────────────────────────────
      sft             0.11  −2.75    −3.00    10.2  41.0   0.830    46.5   40
                     ±0.05  ±0.18    ±0.15    ±0.4  ±0.0  ±0.000    ±0.0   ±0
      rlhf            1.70  −1.56    −1.75     3.9  44.8   0.773    47.0  160
                     ±0.10  ±0.25    ±0.23    ±1.4  ±0.0  ±0.000    ±0.0   ±0
      rlhf-kl         2.37  −0.31    −0.60     0.5  49.4   0.705    47.5  160
                     ±0.09  ±0.14    ±0.11    ±0.3  ±0.0  ±0.000    ±0.0   ±0
      ra-rlhf         1.76  −1.24    −1.47     2.2  47.1   0.739    47.3  124
                     ±0.09  ±0.16    ±0.13    ±0.5  ±0.0  ±0.000    ±0.0   ±0
      ra-rlhf-hard    2.30   0.04    −0.35     0.3  47.8   0.727    47.4  160
                     ±0.21  ±0.22    ±0.21    ±0.0  ±0.0  ±0.000    ±0.0   ±0
      ±: standard deviation over 3 seeds"
    `);
  });

  test("leaves columns out, says which, and keeps the tail to the last", () => {
    expect(renderTable(one, { ...plain, width: 40 })).toMatchInlineSnapshot(`
      "arm           reward   tail  CVaR₀.₁
      ────────────────────────────────────
      sft             0.16  −2.60    −2.89
      rlhf            1.74  −1.42    −1.65
      rlhf-kl         2.27  −0.33    −0.64
      ra-rlhf         1.84  −1.07    −1.33
      ra-rlhf-hard    2.46   0.30    −0.13
      one seed: the figures do not say what
      another seed would give
      left out, the terminal is too narrow:
      harm rate %, perplexity, Dist-2, length,
      seconds"
    `);
    expect(renderTable(one, { ...plain, width: 22 })).toMatch(/^arm\s+tail$/m);
  });

  test("stays in ASCII where asked", () => {
    expect(renderTable(several, { ...plain, unicode: false })).toMatch(/^[\x20-\x7e\n]*$/);
    expect(renderTable(several, { ...plain, unicode: false, width: 60 })).toMatch(
      /^[\x20-\x7e\n]*$/,
    );
  });

  test.each([30, 40, 60, 80, 100, 140])("is never wider than %i columns", (width) => {
    for (const spread of ["none", "sd", "ci"] as const) {
      const lines = renderTable(several, { ...plain, width, spread }).split("\n");
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(width);
    }
  });

  test("escape sequences come only with colour, and change no width", () => {
    const escapeCode = String.fromCharCode(27);
    expect(renderTable(several, plain)).not.toContain(escapeCode);
    const colored = renderTable(several, { ...plain, color: true });
    expect(colored).toContain(`${escapeCode}[1m`);
    expect(colored.replaceAll(new RegExp(`${escapeCode}\\[\\d+m`, "g"), "")).toBe(
      renderTable(several, plain),
    );
  });

  test("says so when there is nothing to show", () => {
    expect(renderTable({ arms: {} }, plain)).toBe("no arm has been evaluated");
  });

  test("shows intervals where asked, and none with one seed", () => {
    expect(renderTable(several, { ...plain, width: 200, spread: "ci" })).toMatch(/\[−?\d+\.\d\d, /);
    expect(renderTable(one, { ...plain, spread: "ci" })).not.toContain("[");
    expect(renderTable(one, plain)).toContain("one seed");
  });

  test("keeps long names apart, and no figure widens it", () => {
    const metric = (value: number) => ({ mean: value, sd: null, ci95: null, per_seed: [value] });
    const arm = { seeds: [0], metrics: { perplexity: metric(1.0142320547350045e304) } };
    const name = "an-arm-with-a-very-long-name-of-its-own";
    const text = renderTable({ arms: { [`${name}-1`]: arm, [`${name}-2`]: arm } }, plain);
    const [, , first, second] = text.split("\n");
    expect(first).toMatch(/ 1\.0e304$/);
    expect(first!.split(" ")[0]).not.toBe(second!.split(" ")[0]);
    expect(renderTable({ arms: { [name]: arm } }, plain)).toMatch(/^an-arm-with-a-very-long… /m);
  });
});
