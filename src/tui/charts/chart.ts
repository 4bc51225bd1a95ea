/** What every chart is drawn with: numbers go in, exactly `height` lines of `width` columns come out. */
import type { ViewStyle } from "../line.js";

export interface ChartOptions {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  readonly style: ViewStyle;
}
