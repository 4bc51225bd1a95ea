/** CSV and TSV: Papa Parse's reading (RFC 4180), and what it lets pass refused. */
import { Readable } from "node:stream";
import Papa from "papaparse";
import { cellKey } from "./cell-key.js";
import { cellsByReading, type RequestedColumn, type RowBatch, type Table } from "./table.js";
import { TableError } from "./table-error.js";
import { textPieces } from "./text-stream.js";

const batchRows = 4096;

export async function openDelimited(
  file: string,
  format: "csv" | "tsv",
  compressed: boolean,
): Promise<Table> {
  const start = await firstPiece(file, compressed);
  const separator = format === "tsv" ? "\t" : separatorOf(start);
  const columns = headerOf(file, start, separator);
  const read: Table["read"] = (requested, onBatch, onProgress) => {
    const pieces = textPieces(file, compressed, onProgress);
    return readRows({ file, separator, columns, requested, onBatch }, pieces);
  };
  return {
    file,
    format,
    columns,
    fields: [],
    rowsLookedAt: null,
    notes:
      format === "csv" && separator !== ","
        ? [`read with the separator ${JSON.stringify(separator)}`]
        : [],
    read,
    cellsAt: (column, rows) => cellsByReading({ read }, column, rows),
  };
}

async function firstPiece(file: string, compressed: boolean): Promise<string> {
  let start = "";
  for await (const piece of textPieces(file, compressed)) {
    start += piece;
    if (/\S[^\n\r]*[\n\r]/.test(start)) break;
  }
  return start;
}

/** The comma, unless the header has none and has another usual separator. */
function separatorOf(start: string): string {
  const fieldsWith = (delimiter: string): number => firstRow(start, delimiter).length;
  const others = [";", "\t", "|"] as const;
  return fieldsWith(",") > 1 ? "," : (others.find((other) => fieldsWith(other) > 1) ?? ",");
}

function headerOf(file: string, start: string, separator: string): string[] {
  const header = firstRow(start, separator);
  if (header.length === 0) throw new TableError(`${file}: no header: the file has no text.`);
  return header;
}

function firstRow(start: string, delimiter: string): string[] {
  const text = start.replace(/^[\r\n]+/, "");
  const { data } = Papa.parse<string[]>(text, { delimiter, preview: 1, skipEmptyLines: true });
  return data[0] ?? [];
}

interface Reading {
  readonly file: string;
  readonly separator: string;
  readonly columns: readonly string[];
  readonly requested: readonly RequestedColumn[];
  readonly onBatch: (batch: RowBatch) => boolean;
}

function readRows(reading: Reading, pieces: AsyncIterable<string>): Promise<void> {
  const rows = new RowCollector(reading);
  const source = Readable.from(pieces);
  return new Promise((resolve, reject) => {
    // An aborted parser completes, too: whatever comes first is what happened.
    let over = false;
    const end = (error: unknown): void => {
      if (over) return;
      over = true;
      source.destroy();
      if (error === null) resolve();
      else reject(error);
    };
    source.on("error", end);
    Papa.parse<string[]>(source as NodeJS.ReadableStream, {
      delimiter: reading.separator,
      step: ({ data, errors }, parser) => {
        if (over) return;
        try {
          if (rows.take(data, errors)) return;
          end(null);
        } catch (error) {
          end(error);
        }
        parser.abort();
      },
      complete: () => {
        try {
          if (!over) rows.end();
          end(null);
        } catch (error) {
          end(error);
        }
      },
      error: end,
    });
  });
}

class RowCollector {
  readonly #reading: Reading;
  readonly #places: readonly number[];
  #isHeader = true;
  /** Line on which the next row begins. */
  #line = 1;
  #row = 0;
  #cells: (string | null)[][] = [];
  #lines: number[] = [];
  #ended = false;

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#places = reading.requested.map(({ column }) => reading.columns.indexOf(column.column));
    this.#begin();
  }

  /** @returns false: no further rows are wanted */
  take(fields: readonly string[], errors: readonly Papa.ParseError[]): boolean {
    if (this.#ended) return false;
    const line = this.#line;
    this.#line += 1 + lineFeedsIn(fields);
    if (fields.length === 1 && fields[0] === "" && errors.length === 0) return true;
    const { file, columns, requested } = this.#reading;
    const [quote] = errors.filter(({ type }) => type === "Quotes");
    if (quote !== undefined) {
      const what =
        quote.code === "MissingQuotes"
          ? "a quote is opened and not closed"
          : "a quote stands inside a quoted field";
      throw new TableError(
        `${file}, ${this.#placeText(line)}: ${what}; a quote inside a field is written "".`,
      );
    }
    if (this.#isHeader) {
      this.#isHeader = false;
      return true;
    }
    if (fields.length !== columns.length) {
      throw new TableError(
        `${file}, ${this.#placeText(line)}: ${fields.length} fields, the header has ` +
          `${columns.length}; text with a separator or a line feed in it must be quoted.`,
      );
    }
    this.#row += 1;
    this.#lines.push(line);
    for (let at = 0; at < requested.length; at += 1) {
      const cell = fields[this.#places[at]!]!;
      this.#cells[at]!.push(requested[at]!.as === "key" ? cellKey(cell) : cell);
    }
    return this.#lines.length < batchRows || this.#emit();
  }

  end(): void {
    if (this.#lines.length > 0 && !this.#ended) this.#emit();
  }

  #emit(): boolean {
    const lines = this.#lines;
    const wanted = this.#reading.onBatch({
      firstRow: this.#row - lines.length + 1,
      rows: lines.length,
      cells: this.#cells,
      lineOf: (at) => lines[at] ?? null,
    });
    this.#begin();
    this.#ended = !wanted;
    return wanted;
  }

  #begin(): void {
    this.#cells = this.#reading.requested.map(() => []);
    this.#lines = [];
  }

  #placeText(line: number): string {
    return this.#isHeader ? `header (line ${line})` : `row ${this.#row + 1} (line ${line})`;
  }
}

function lineFeedsIn(fields: readonly string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) count += 1;
  }
  return count;
}
