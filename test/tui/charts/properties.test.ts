import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayWidth } from "../../../src/text/width.js";
import { lineChart } from "../../../src/tui/charts/line-chart.js";
import { sparkline } from "../../../src/tui/charts/sparkline.js";
import { tailHistogram } from "../../../src/tui/charts/tail-histogram.js";
import { lineText } from "../drawn.js";
import { charts, style, values } from "./all-charts.js";

const size = fc.record({ width: fc.nat(150), height: fc.nat(50) });
const small = fc.record({ width: fc.nat(30), height: fc.nat(12) });

describe.each(Object.entries(charts))("%s", (_, drawing) => {
  test("fills its rectangle, no more and no less, whatever the data", () => {
    fc.assert(
      fc.property(drawing, fc.oneof(size, small), style, (draw, { width, height }, look) => {
        const lines = draw({ width, height, style: look });
        expect(lines).toHaveLength(height);
        for (const line of lines) {
          const text = lineText(line);
          expect(displayWidth(text)).toBe(width);
          expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
          if (!look.unicode) {
            expect(text).toMatch(/^[\x20-\x7e]*$/);
          }
        }
      }),
    );
  });

  test("says the same with and without colour", () => {
    fc.assert(
      fc.property(drawing, small, fc.boolean(), (draw, room, unicode) => {
        const drawn = (color: boolean): string[] =>
          draw({ ...room, style: { unicode, color } }).map(lineText);
        expect(drawn(true)).toEqual(drawn(false));
      }),
    );
  });
});

/** Rows of dots, from the top, that each column of a braille plot has set; [] for none. */
function dotRows(lines: readonly string[]): number[][] {
  const bits = [0x09, 0x12, 0x24, 0xc0];
  const width = Math.max(0, ...lines.map((line) => line.length));
  return Array.from({ length: width }, (_, column) =>
    lines.flatMap((line, row) => {
      const dots = line.charCodeAt(column) - 0x2800;
      return dots < 0 || dots > 0xff
        ? []
        : bits.flatMap((mask, down) => ((dots & mask) === 0 ? [] : [4 * row + down]));
    }),
  );
}

const room = { width: 40, height: 12 };
const rich = { unicode: true, color: false };

describe("lineChart", () => {
  const rising = fc
    .array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 300 })
    .map((ys) => [...ys].sort((a, b) => a - b));

  test("draws what rises as what rises, and without holes", () => {
    fc.assert(
      fc.property(rising, (ys) => {
        const xs = ys.map((_, at) => at);
        const chart = lineChart(
          { series: [{ xs, ys, look: {} }], x: null },
          { ...room, style: rich },
        );
        const columns = dotRows(chart.map(lineText)).filter((rows) => rows.length > 0);
        for (const [at, rows] of columns.entries()) {
          const next = columns[at + 1] ?? rows;
          expect(Math.min(...next)).toBeLessThanOrEqual(Math.min(...rows));
          expect(Math.max(...next)).toBeLessThanOrEqual(Math.max(...rows));
          // Neighbours touch: the curve is one.
          expect(Math.max(...next)).toBeGreaterThanOrEqual(Math.min(...rows) - 1);
        }
        const plotColumns = chart[0]!.slice(1).reduce((sum, { text }) => sum + text.length, 0);
        expect(columns).toHaveLength(plotColumns);
      }),
    );
  });

  test("loses no peak among more points than columns", () => {
    fc.assert(
      fc.property(fc.nat(9999), (peak) => {
        const ys = new Float64Array(10_000);
        ys[peak] = 1;
        const xs = ys.map((_, at) => at);
        const chart = lineChart(
          { series: [{ xs, ys, look: {} }], x: null },
          { ...room, style: rich },
        );
        expect(lineText(chart[0]!)).toMatch(/[\u2801-\u28ff]/);
      }),
    );
  });

  test("goes through the mean of points that crowd, whatever their spread", () => {
    const steps = Array.from({ length: 4000 }, (_, at) => at);
    const drawn = (spread: number): number[][] => {
      const ys = steps.map((x) => x / 4000 + (x % 2 === 0 ? spread : -spread));
      const series = { xs: steps, ys, look: {}, dash: 1 };
      const lines = lineChart({ series: [series], x: null, y: [-2, 3] }, { ...room, style: rich });
      return dotRows(lines.map(lineText)).filter((rows) => rows.length > 0);
    };
    const calm = drawn(0);
    for (const [column, rows] of drawn(0.9).entries()) {
      // One dot for the odd point of a column.
      expect(Math.abs(Math.min(...rows) - Math.min(...calm[column]!))).toBeLessThanOrEqual(1);
      expect(Math.abs(Math.max(...rows) - Math.max(...calm[column]!))).toBeLessThanOrEqual(1);
    }
    expect(calm.length).toBeGreaterThan(20);
  });

  test("leaves a gap where there is no figure", () => {
    const ys = [1, 1, null, null, 1, 1];
    const xs = [0, 1, 2, 3, 4, 5];
    for (const unicode of [true, false]) {
      const look = { unicode, color: false };
      const chart = lineChart(
        { series: [{ xs, ys, look: {} }], x: null },
        { ...room, style: look },
      );
      const row = chart.map(lineText).find((text) => /[⠀-⣿]|[-_']{4}/.test(text))!;
      const curve = row.slice(row.search(/[│┤|+]/) + 1);
      expect(curve.trim()).toMatch(/^\S+ {3,}\S+$/);
    }
  });

  test("shows only the zoomed part, and its y axis", () => {
    const xs = Array.from({ length: 100 }, (_, at) => at);
    const ys = xs.map((x) => (x < 50 ? 1000 : x / 100));
    const text = lineChart(
      { series: [{ xs, ys, look: {} }], x: { from: 60, to: 90 } },
      { ...room, style: rich },
    )
      .map(lineText)
      .join("\n");
    expect(text).not.toContain("1000");
    expect(text).toMatch(/0\.6.*\n/);
    expect(text.split("\n").at(-1)).toMatch(/^ +60 +80 *$/);
  });
});

describe("tailHistogram", () => {
  test("shows the tail and the rest in different characters", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 8, maxLength: 300 }),
        fc.nat(300),
        fc.boolean(),
        (all, cut, unicode) => {
          const tail = all.map((_, at) => at < cut);
          const text = tailHistogram(
            { values: all, inTail: (at) => tail[at]!, var: null, cvar: null },
            { width: 60, height: 16, style: { unicode, color: false } },
          )
            .slice(1, -2)
            .map((line) =>
              line
                .slice(1)
                .map(({ text: part }) => part)
                .join(""),
            )
            .join("\n");
          expect(/[▓#]/.test(text)).toBe(tail.includes(true));
          if (!tail.includes(false)) {
            expect(text).not.toMatch(/[█▁▂▃▄▅▆▇o]/);
          }
        },
      ),
    );
  });
});

test("names of VaR and CVaR come in the order of their lines", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 14, max: 70 }),
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      fc.boolean(),
      (width, cvar, above, unicode) => {
        const [names = []] = tailHistogram(
          { values: [-3, 0, 1, 6], inTail: () => false, var: cvar + above, cvar },
          { width, height: 8, style: { unicode, color: false } },
        );
        const text = lineText(names);
        const [first, second] = [text.search(/CVaR/), text.search(/(?<!C)VaR/)];
        if (width >= 24) {
          expect(first).toBeGreaterThanOrEqual(0);
        }
        if (first >= 0 && second >= 0) {
          expect(first).toBeLessThan(second);
        }
        if (width >= 44) {
          expect(text).toMatch(/CVaR.*[^C]VaR/);
        }
      },
    ),
  );
});

describe("sparkline", () => {
  test("has as many marks as it has room and values for", () => {
    fc.assert(
      fc.property(values, fc.nat(80), (ys, width) => {
        const text = sparkline(ys, width, rich);
        const whole = ys.every((y) => y !== null && Math.abs(y) < 1e100);
        expect(text).toHaveLength(width);
        if (whole) {
          expect(text.trim()).toHaveLength(Math.min(width, ys.length));
        }
      }),
    );
  });
});
