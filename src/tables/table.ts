/** A file of rows with named columns, whatever its format: what a reader of one has to do. */

/** Cells of some rows, column by column, in the file's order. */
export interface RowBatch {
  /** Number of the first row, from 1; a header is not counted. */
  readonly firstRow: number;
  readonly rows: number;
  /**
   * One array per requested column, `rows` long. Text of a CSV file is a string, cells of the other
   * formats are values; undefined or null: the row has none.
   */
  readonly cells: readonly ArrayLike<unknown>[];
  /** Line of the file on which a row of this batch begins, from 1; null: the format has no lines. */
  readonly lineOf: (at: number) => number | null;
}

export interface RequestedColumn {
  readonly column: ColumnPlace;
  /**
   * `value`: the cell as it is. `key`: a string that is the same for equal cells and differs for
   * others, short however long the text is; null where the cell is missing or empty.
   */
  readonly as: "value" | "key";
}

/** A column, and what of its cells: `prompt.toxicity` is the field of an object. */
export interface ColumnPlace {
  readonly column: string;
  /** Keys and list places that lead into the cell; empty: all of it. */
  readonly path: readonly string[];
}

export interface Table {
  readonly file: string;
  readonly format: TableFormat;
  /** In the file's order. */
  readonly columns: readonly string[];
  /** Fields of those that are objects, as `column.field`. */
  readonly fields: readonly string[];
  /** How many rows' keys are the columns, of a format that has no header; null: it has one. */
  readonly rowsLookedAt: number | null;
  /** What the reader should know of how the file was read. */
  readonly notes: readonly string[];
  /**
   * Reads the file once, from its beginning.
   *
   * @param onBatch false ends the reading early
   * @throws {TableError} the file is damaged or is not what its name says
   */
  read(
    requested: readonly RequestedColumn[],
    onBatch: (batch: RowBatch) => boolean,
    onProgress?: (fraction: number) => void,
  ): Promise<void>;
  /** Cells of a few rows, by row number, ascending. */
  cellsAt(column: ColumnPlace, rows: readonly number[]): Promise<readonly unknown[]>;
}

export type TableFormat = "csv" | "tsv" | "jsonl" | "json" | "parquet";

/** The cell's field that a path leads to; undefined where there is none. */
export function fieldOf(cell: unknown, path: readonly string[]): unknown {
  let value = cell;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** {@link Table.cellsAt} for formats that are read from the beginning to the end. */
export async function cellsByReading(
  table: Pick<Table, "read">,
  column: ColumnPlace,
  rows: readonly number[],
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  if (rows.length === 0) return found;
  await table.read([{ column, as: "value" }], ({ firstRow, rows: count, cells }) => {
    while (found.length < rows.length && rows[found.length]! < firstRow + count) {
      found.push(cells[0]![rows[found.length]! - firstRow]);
    }
    return found.length < rows.length;
  });
  return found;
}
