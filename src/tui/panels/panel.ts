/**
 * A panel of the dashboard: the inside of one rectangle as lines, drawn from nothing but its input.
 * Frame, title and place are the layout's.
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
  /** Rows that it asks for in `width` columns; with fewer it leaves out what matters least. */
  rows(input: Input, width: number): number;
  /** At most `size.height` lines, none wider than `size.width`; any size from 0 × 0 is sound. */
  lines(input: Input, size: PanelSize, style: ViewStyle): Line[];
}
