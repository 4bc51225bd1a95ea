/** A rectangle of terminal cells, one character of width one each, each with its look. */
import type { Line, Look, Segment } from "../terminal/line.js";

interface Cell {
  readonly glyph: string;
  readonly look: Look | null;
}

const empty: Cell = { glyph: " ", look: null };

export class CellGrid {
  readonly rows: number;
  readonly columns: number;
  readonly #cells: Cell[];

  constructor(rows: number, columns: number) {
    this.rows = Math.max(0, rows);
    this.columns = Math.max(0, columns);
    this.#cells = new Array<Cell>(this.rows * this.columns).fill(empty);
  }

  /** Outside of the grid nothing happens. */
  set(row: number, column: number, glyph: string, look: Look | null = null): void {
    if (row >= 0 && row < this.rows && column >= 0 && column < this.columns) {
      this.#cells[row * this.columns + column] = { glyph, look };
    }
  }

  /** Only where nothing is yet. */
  behind(row: number, column: number, glyph: string, look: Look | null = null): void {
    if (this.isEmpty(row, column)) {
      this.set(row, column, glyph, look);
    }
  }

  isEmpty(row: number, column: number): boolean {
    return this.#cells[row * this.columns + column] === empty;
  }

  /** @param text characters of width one */
  write(row: number, column: number, text: string, look: Look | null = null): void {
    for (const [at, glyph] of [...text].entries()) {
      this.set(row, column + at, glyph, look);
    }
  }

  /** Whether a text of this length could stand there, a space on either side. */
  hasRoom(row: number, column: number, length: number): boolean {
    if (column < 0 || column + length > this.columns) {
      return false;
    }
    for (
      let at = Math.max(0, column - 1);
      at <= Math.min(this.columns - 1, column + length);
      at++
    ) {
      if (!this.isEmpty(row, at)) {
        return false;
      }
    }
    return true;
  }

  /** Exactly `columns` wide, runs of one look together. */
  line(row: number): Line {
    const segments: Segment[] = [];
    let look: Look | null = null;
    let text = "";
    const close = (): void => {
      if (text !== "") {
        segments.push({ ...look, text });
      }
      text = "";
    };
    for (let column = 0; column < this.columns; column += 1) {
      const cell = this.#cells[row * this.columns + column]!;
      if (cell.look !== look) {
        close();
        look = cell.look;
      }
      text += cell.glyph;
    }
    close();
    return segments;
  }
}
