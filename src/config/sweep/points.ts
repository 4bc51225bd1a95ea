/** The points of a grid: all combinations, or some drawn at random. */
import { generator, type Random, streamSeed } from "../../stats/random.js";
import { type GridAxis, isRange, type ValueRange } from "./axes.js";

/** Key of the grid → value. */
export type Values = Readonly<Record<string, unknown>>;

/** How many combinations there are; Infinity with a range. */
export function combinations(axes: readonly GridAxis[]): number {
  return axes.reduce(
    (product, { values }) => product * (isRange(values) ? Number.POSITIVE_INFINITY : values.length),
    1,
  );
}

/** All combinations; the last key varies fastest. */
export function allPoints(axes: readonly GridAxis[]): Values[] {
  return axes.reduce<Values[]>(
    (points, { key, values }) =>
      points.flatMap((point) =>
        isRange(values) ? [] : values.map((value): Values => ({ ...point, [key]: value })),
      ),
    [{}],
  );
}

/** Draws in a row that may hit points drawn before. */
const patience = 10_000;

/**
 * Different points, each key drawn on its own: a value of a list with equal chances, of a range
 * evenly (or evenly in its logarithm), to three digits.
 *
 * @param seed of the draw, a whole number in [0, 2³²): the same seed gives the same points
 * @returns fewer than `count` where there are not so many
 */
export function drawnPoints(axes: readonly GridAxis[], count: number, seed: number): Values[] {
  const random = generator(streamSeed(seed, "sweep", 0));
  const points = new Map<string, Values>();
  for (let misses = 0; points.size < count && misses < patience; ) {
    const point: Values = Object.fromEntries(
      axes.map(({ key, values }) => [
        key,
        isRange(values) ? valueIn(values, random) : values[Math.floor(random() * values.length)],
      ]),
    );
    const text = JSON.stringify(point);
    misses = points.has(text) ? misses + 1 : 0;
    points.set(text, point);
  }
  return [...points.values()];
}

function valueIn({ low, high, log, whole }: ValueRange, random: Random): number {
  const at = random();
  const value = log ? low * (high / low) ** at : low + at * (high - low);
  if (whole) return Math.min(high, Math.max(low, Math.round(value)));
  return Math.min(high, Math.max(low, Number(value.toPrecision(3))));
}
