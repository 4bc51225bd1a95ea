/**
 * A panel of the dashboard: the inside of one rectangle as lines, drawn from nothing but its input.
 * Frame, title, place and size are the layout's.
 */
import type { Line, ViewStyle } from "../line.js";

export interface PanelSize {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

export interface Panel<Input> {
  /** Plain ASCII, one to three words. */
  readonly title: string;
  /**
   * At most `size.height` lines, none wider than `size.width`; any size from 0 × 0 is sound. Where
   * there is little room, what matters least is left out.
   */
  lines(input: Input, size: PanelSize, style: ViewStyle): Line[];
}
