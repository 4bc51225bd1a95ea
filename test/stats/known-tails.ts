/** Distributions whose tails are known in closed form, to draw scores from. */
import { generator } from "../../src/stats/random.js";

export interface KnownTail {
  readonly name: string;
  /** No score is under it. */
  readonly lower: number;
  /** The u-quantile, u in (0, 1). */
  readonly quantile: (u: number) => number;
  /** Mean of the worst alpha. */
  readonly cvar: (alpha: number) => number;
}

const heavyIndex = 1.5;
const heavyFloor = 1000;

export const knownTails: readonly KnownTail[] = [
  {
    // Clipped so far out that the tail's mean moves by 5e-7 only.
    name: "normal, clipped at −5",
    lower: -5,
    quantile: (u) => Math.max(-5, normalQuantile(u)),
    cvar: (alpha) => -Math.exp(-(normalQuantile(alpha) ** 2) / 2) / Math.sqrt(2 * Math.PI) / alpha,
  },
  {
    name: "minus exponential, clipped at −20",
    lower: -20,
    quantile: (u) => Math.max(-20, Math.log(u)),
    cvar: (alpha) => Math.log(alpha) - 1,
  },
  {
    name: "beta(½, 1)",
    lower: 0,
    quantile: (u) => u ** 2,
    cvar: (alpha) => alpha ** 2 / 3,
  },
  {
    name: "beta(5, 1)",
    lower: 0,
    quantile: (u) => u ** 0.2,
    cvar: (alpha) => (alpha ** 0.2 * 5) / 6,
  },
  {
    name: "0 or 1, 0 with 5 %",
    lower: 0,
    quantile: (u) => (u <= 0.05 ? 0 : 1),
    cvar: (alpha) => Math.max(0, alpha - 0.05) / alpha,
  },
  {
    name: "five grades, −4 with 2 %, −3 with 4 %",
    lower: -4,
    quantile: (u) => (u <= 0.02 ? -4 : u <= 0.06 ? -3 : u <= 0.15 ? -2 : u <= 0.4 ? -1 : 0),
    cvar: (alpha) =>
      -(
        4 * part(alpha, 0, 0.02) +
        3 * part(alpha, 0.02, 0.06) +
        2 * part(alpha, 0.06, 0.15) +
        part(alpha, 0.15, 0.4)
      ) / alpha,
  },
  {
    name: "minus Pareto 1.5, clipped at −1000",
    lower: -heavyFloor,
    quantile: (u) => -Math.min(heavyFloor, u ** (-1 / heavyIndex)),
    cvar: (alpha) => {
      const power = 1 - 1 / heavyIndex;
      const clipped = heavyFloor ** -heavyIndex;
      return -(clipped * heavyFloor + (alpha ** power - clipped ** power) / power) / alpha;
    },
  },
];

/** Independent scores, the same ones for a seed. */
export function drawn({ quantile }: KnownTail, n: number, seed: number): Float64Array {
  const random = generator(seed);
  return Float64Array.from({ length: n }, () => quantile(random() + 2 ** -33));
}

function part(alpha: number, from: number, to: number): number {
  return Math.max(0, Math.min(alpha, to) - from);
}

/** Φ⁻¹ by bisection on a series of Φ: slow, and independent of what is tested. */
function normalQuantile(u: number): number {
  let low = -9;
  let high = 9;
  for (let halving = 0; halving < 55; halving += 1) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < u) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return (low + high) / 2;
}

/** Φ: Abramowitz & Stegun 26.2.11 near 0, the continued fraction 26.2.14 far from it. */
function normalBelow(z: number): number {
  const density = Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(z) > 4) {
    let fraction = 0;
    for (let level = 60; level >= 1; level -= 1) {
      fraction = level / (Math.abs(z) + fraction);
    }
    const outside = density / (Math.abs(z) + fraction);
    return z < 0 ? outside : 1 - outside;
  }
  let term = z;
  let sum = z;
  for (let k = 1; k < 60; k += 1) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + density * sum;
}
