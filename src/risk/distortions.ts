/**
 * Distortions g of probability: g(0) = 0, g(1) = 1, increasing. The distorted mean ∫ r dg(F(r)) is a
 * spectral risk measure with spectrum φ = g′ (Acerbi 2002); where g is concave, φ falls with rank and
 * the measure is coherent and risk-averse.
 */
import { normalCdf, normalQuantile } from "../stats/normal.js";
import type { RiskSettings } from "./measures/risk-measure.js";

export interface Distortion {
  /** Of u in [0, 1]. */
  readonly cumulative: (u: number) => number;
  /** φ = g′, of u in (0, 1). */
  readonly spectrum: (u: number) => number;
}

interface DistortionFamily {
  readonly parameter: { readonly standard: number; readonly range: string };
  readonly accepts: (parameter: number) => boolean;
  /** At this parameter g(u) = u: the mean. */
  readonly neutral: number;
  readonly of: (parameter: number) => Distortion;
}

export const distortions: Readonly<Record<RiskSettings["distortion"], DistortionFamily>> = {
  /** g = Φ(Φ⁻¹(u) + η), Wang, "A class of distortion operators", J. Risk and Insurance 67, 2000. */
  wang: {
    parameter: { standard: 0.75, range: "a number ≥ 0" },
    accepts: (eta) => eta >= 0,
    neutral: 0,
    of: (eta) => ({
      cumulative: (u) => (u <= 0 ? 0 : u >= 1 ? 1 : normalCdf(normalQuantile(u) + eta)),
      // φ(z + η)/φ(z) with z = Φ⁻¹(u).
      spectrum: (u) => Math.exp(-eta * normalQuantile(u) - (eta * eta) / 2),
    }),
  },
  /** g = 1 − (1 − u)^{1+η}, the dual power; the risk-averse power distortion of Dabney et al. 2018 (IQN). */
  power: {
    parameter: { standard: 2, range: "a number ≥ 0" },
    accepts: (eta) => eta >= 0,
    neutral: 0,
    of: (eta) => ({
      cumulative: (u) => 1 - (1 - u) ** (1 + eta),
      spectrum: (u) => (1 + eta) * (1 - u) ** eta,
    }),
  },
  /**
   * g = u^η/(u^η + (1 − u)^η)^{1/η}, cumulative prospect weighting (Tversky & Kahneman 1992; η 0.71
   * from Wu & Gonzalez 1996): weighs the worst and, less, the best more than what lies between. Not
   * concave: neither coherent nor averse throughout. Increasing for η > 0.28 only.
   */
  cpw: {
    parameter: { standard: 0.71, range: "a number from 0.3 to 1" },
    accepts: (eta) => eta >= 0.3 && eta <= 1,
    neutral: 1,
    of: (eta) => ({
      cumulative: (u) => u ** eta / (u ** eta + (1 - u) ** eta) ** (1 / eta),
      spectrum: (u) => {
        const both = u ** eta + (1 - u) ** eta;
        const ofBoth = u ** (eta - 1) - (1 - u) ** (eta - 1);
        return (
          eta * u ** (eta - 1) * both ** (-1 / eta) - u ** eta * both ** (-1 / eta - 1) * ofBoth
        );
      },
    }),
  },
};

/** @throws {RangeError} when the parameter is out of the distortion's range */
export function distortionOf({
  distortion,
  distortion_parameter,
}: Pick<RiskSettings, "distortion" | "distortion_parameter">): Distortion {
  const { parameter, accepts, of } = distortions[distortion];
  const own = distortion_parameter ?? parameter.standard;
  if (!accepts(own)) {
    throw new RangeError(`distortion_parameter is ${own}: ${distortion} needs ${parameter.range}`);
  }
  return of(own);
}

/** Whether the distortion leaves every probability as it is. */
export function isUndistorted({
  distortion,
  distortion_parameter,
}: Pick<RiskSettings, "distortion" | "distortion_parameter">): boolean {
  return distortion_parameter === distortions[distortion].neutral;
}

type Distorted = Pick<RiskSettings, "distortion" | "distortion_parameter">;

interface RankTable {
  readonly key: string;
  readonly numbers: Float64Array;
}

/** A run asks for the same table at every step: the last ones are kept. */
const lastTables: { weights: RankTable | null; spectra: RankTable | null } = {
  weights: null,
  spectra: null,
};

function tableOf(
  which: keyof typeof lastTables,
  count: number,
  settings: Distorted,
  make: (distortion: Distortion) => Float64Array,
): Float64Array {
  const key = `${count} ${settings.distortion} ${settings.distortion_parameter}`;
  const known = lastTables[which];
  if (known?.key === key) {
    return known.numbers;
  }
  const numbers = make(distortionOf(settings));
  lastTables[which] = { key, numbers };
  return numbers;
}

/**
 * What a distortion gives each rank of N episodes, the lowest first: N·(g(i/N) − g((i − 1)/N)), of sum
 * N. Not to be written to.
 */
export function rankWeights(count: number, settings: Distorted): Float64Array {
  return tableOf("weights", count, settings, ({ cumulative }) => {
    const weights = new Float64Array(count);
    let before = 0;
    for (let rank = 1; rank <= count; rank += 1) {
      const upTo = rank === count ? 1 : cumulative(rank / count);
      weights[rank - 1] = count * (upTo - before);
      before = upTo;
    }
    return weights;
  });
}

/** φ(i/N) at place i, for i from 1 to N − 1; 0 at place 0. Not to be written to. */
export function rankSpectrum(count: number, settings: Distorted): Float64Array {
  return tableOf("spectra", count, settings, ({ spectrum }) => {
    const numbers = new Float64Array(count);
    for (let rank = 1; rank < count; rank += 1) {
      numbers[rank] = spectrum(rank / count);
    }
    return numbers;
  });
}
