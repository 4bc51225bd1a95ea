/**
 * Lines finer than cells: 2 × 4 braille dots a cell, or in ASCII three heights a cell. Inks are
 * numbered, 0 in front; a cell looks like its front ink.
 */
import type { Look, ViewStyle } from "../terminal/line.js";
import type { CellGrid } from "./cell-grid.js";
import { asciiSign, isDrawn } from "./dash.js";

/** Bits of U+2800 onwards by row and column of the dot. */
const brailleBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** By height of the dot; several in one cell make a stroke. */
const asciiHeights = ["'", "-", "_"] as const;

export interface Ink {
  readonly look: Look;
  /** Its stroke (`dash.ts`); 0: unbroken. */
  readonly dash: number;
}

export class DotCanvas {
  /** Dots across. */
  readonly width: number;
  /** Dots down. */
  readonly height: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #unicode: boolean;
  readonly #inks: readonly Ink[];
  readonly #masks: readonly Uint8Array[];

  constructor(rows: number, columns: number, inks: readonly Ink[], { unicode }: ViewStyle) {
    this.#rows = rows;
    this.#columns = columns;
    this.#unicode = unicode;
    this.#inks = inks;
    this.width = columns * (unicode ? 2 : 1);
    this.height = rows * (unicode ? 4 : 3);
    this.#masks = inks.map(() => new Uint8Array(rows * columns));
  }

  /** Places are whole numbers; (0, 0) is the left upper one. Outside nothing happens. */
  dot(x: number, y: number, ink: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) {
      return;
    }
    const [across, down] = this.#unicode ? [2, 4] : [1, 3];
    const column = Math.floor(x / across);
    if (this.#unicode && !isDrawn(this.#inks[ink]!.dash, column)) {
      return;
    }
    const cell = Math.floor(y / down) * this.#columns + column;
    this.#masks[ink]![cell]! |= this.#unicode ? brailleBits[y % 4]![x % 2]! : 1 << (y % 3);
  }

  /** Both ends in. */
  line(fromX: number, fromY: number, toX: number, toY: number, ink: number): void {
    const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY), 1);
    for (let at = 0; at <= steps; at += 1) {
      this.dot(
        Math.round(fromX + ((toX - fromX) * at) / steps),
        Math.round(fromY + ((toY - fromY) * at) / steps),
        ink,
      );
    }
  }

  paint(grid: CellGrid): void {
    for (let cell = 0; cell < this.#rows * this.#columns; cell += 1) {
      const front = this.#masks.findIndex((mask) => mask[cell] !== 0);
      if (front >= 0) {
        const row = Math.floor(cell / this.#columns);
        grid.set(row, cell % this.#columns, this.#glyph(cell, front), this.#inks[front]!.look);
      }
    }
  }

  #glyph(cell: number, front: number): string {
    if (this.#unicode) {
      const dots = this.#masks.reduce((all, mask) => all | mask[cell]!, 0);
      return String.fromCodePoint(0x2800 + dots);
    }
    const { dash } = this.#inks[front]!;
    if (dash > 0) {
      return asciiSign(dash);
    }
    const heights = this.#masks[front]![cell]!;
    return asciiHeights[Math.log2(heights)] ?? "|";
  }
}
