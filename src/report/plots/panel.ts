/** What a plot is made of, free of the drawing library. */
import type { Point } from "../../stats/interpolation.js";
import type { ArmStyle } from "../arm-style.js";

export interface Axis {
  /** With its unit. */
  readonly name: string;
  readonly min?: number;
  readonly max?: number;
  /** Zero is on it, wherever the figures lie. */
  readonly fromZero?: boolean;
  /** Logarithmic, of values over 0 alone; default: linear. */
  readonly log?: boolean;
  /** How figures along it are written; default: as short as they go. */
  readonly format?: (value: number) => string;
}

export interface Curve {
  /** Arm; curves of one name share their place in the legend. */
  readonly name: string;
  readonly style: ArmStyle;
  readonly points: readonly Point[];
  /** Spread over seeds, drawn as a pale band behind the line. */
  readonly band?: readonly { readonly x: number; readonly low: number; readonly high: number }[];
  /** `step`: each value holds until the next x, filled down to zero, for histograms. */
  readonly shape: "line" | "step";
  /** `all`: on every point · `some`: on a few, to tell curves apart · `none`. */
  readonly markers: "all" | "some" | "none";
  /** One seed behind the mean of several. */
  readonly faint?: boolean;
}

/** A thin line between the ends of an interval. */
export function intervalBar(name: string, style: ArmStyle, points: Curve["points"]): Curve {
  return { name, style, points, shape: "line", markers: "none", faint: true };
}

/** How far a policy has moved: differences of KL are read against zero, where every arm starts. */
export const klAxis: Axis = { name: "KL from the SFT policy, nats per episode", fromZero: true };

/** A straight line across the panel at one value, with its name. */
export interface Mark {
  readonly axis: "x" | "y";
  readonly at: number;
  readonly label: string;
  /** Where the name of a mark on x stands; on the right where the left has no room. */
  readonly side?: "left" | "right";
}

export interface PlotPanel {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  readonly marks?: readonly Mark[];
}

export interface PlotSpec {
  /** Letters, digits and '-': file name, and anchor in the page. */
  readonly id: string;
  readonly title: string;
  /** One sentence: how to read it. */
  readonly caption: string;
  readonly panels: readonly PlotPanel[];
  /** Panels side by side. */
  readonly columns: number;
}

/** A drawn plot: `svg` for wide screens and for paper. */
export interface ReportPlot {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
  /** The same for a narrow screen, its panels one below the other; absent: `svg` is narrow enough. */
  readonly narrow?: string;
}

/** Dark grey: softer than black, dark enough for small print. */
export const ink = "#333333";

export const font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
