/** What every chart is drawn with: numbers go in, exactly `height` lines of `width` columns come out. */
import type { Size, ViewStyle } from "../terminal/line.js";

export interface ChartOptions extends Size {
  readonly style: ViewStyle;
}

/** The part of the x axis that is looked at, both ends in; null: all of it. */
export interface Zoom {
  readonly from: number;
  readonly to: number;
}
