/** JSON lines, and one array of objects: the rows of most evaluation frameworks. */
import { stat } from "node:fs/promises";
import { cellKey } from "./cell-key.js";
import {
  cellsByReading,
  fieldOf,
  type RequestedColumn,
  type RowBatch,
  type Table,
} from "./table.js";
import { TableError } from "./table-error.js";
import { textPieces } from "./text-stream.js";

type Row = Readonly<Record<string, unknown>>;

const batchRows = 4096;
/** Rows whose keys are the columns. */
const rowsLookedAt = 100;
/** An array is parsed as a whole; lines are not. */
const largestArray = 256 * 2 ** 20;

export async function openJsonRows(
  file: string,
  format: "jsonl" | "json",
  compressed: boolean,
): Promise<Table> {
  const isArray = (await firstCharacter(file, compressed)) === "[";
  if (isArray && (await stat(file)).size > largestArray) {
    throw new TableError(
      `${file}: an array of more than 256 MB; write JSON lines, one object per line (.jsonl).`,
    );
  }
  const rowsOf = (onProgress?: (fraction: number) => void) => {
    const pieces = textPieces(file, compressed, onProgress);
    return isArray ? arrayRows(file, pieces) : lineRows(file, pieces);
  };
  const columns = new Set<string>();
  const fields = new Set<string>();
  let seen = 0;
  for await (const { row } of rowsOf()) {
    for (const [key, value] of Object.entries(row)) {
      columns.add(key);
      for (const field of fieldsOf(value, 2)) fields.add(`${key}.${field}`);
    }
    seen += 1;
    if (seen === rowsLookedAt) break;
  }
  const read: Table["read"] = (requested, onBatch, onProgress) =>
    readRows(rowsOf(onProgress), requested, onBatch);
  return {
    file,
    format,
    columns: [...columns],
    fields: [...fields],
    notes: [],
    read,
    cellsAt: (column, rows) => cellsByReading({ read }, column, rows),
  };
}

async function firstCharacter(file: string, compressed: boolean): Promise<string> {
  for await (const piece of textPieces(file, compressed)) {
    const text = piece.trimStart();
    if (text !== "") return text[0]!;
  }
  throw new TableError(`${file}: no rows: the file has no text.`);
}

/** Names of an object's fields, so deep; of a list there is none to name. */
function fieldsOf(value: unknown, depth: number): string[] {
  if (depth === 0 || typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    key,
    ...fieldsOf(inner, depth - 1).map((field) => `${key}.${field}`),
  ]);
}

interface PlacedRow {
  readonly row: Row;
  /** Null: the rows are not on lines of their own. */
  readonly line: number | null;
}

async function* lineRows(file: string, pieces: AsyncIterable<string>): AsyncGenerator<PlacedRow> {
  let rest = "";
  let line = 0;
  for await (const piece of pieces) {
    const text = rest + piece;
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      line += 1;
      const one = text.slice(from, to).trim();
      if (one !== "") yield { row: parsedLine(file, one, line), line };
      from = to + 1;
    }
    rest = text.slice(from);
  }
  const last = rest.trim();
  if (last !== "") yield { row: parsedLine(file, last, line + 1), line: line + 1 };
}

async function* arrayRows(file: string, pieces: AsyncIterable<string>): AsyncGenerator<PlacedRow> {
  let text = "";
  for await (const piece of pieces) text += piece;
  const value = parsedJson(text);
  if (!Array.isArray(value)) throw new TableError(`${file}: not JSON, or cut off.`);
  for (const [at, row] of value.entries()) {
    if (!isRow(row)) throw new TableError(`${file}, row ${at + 1}: not an object.`);
    yield { row, line: null };
  }
}

function parsedLine(file: string, text: string, line: number): Row {
  const value = parsedJson(text);
  if (isRow(value)) return value;
  throw new TableError(
    `${file}, line ${line}: not a JSON object; expected one object per line, or one array of objects.`,
  );
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Also Python's NaN and Infinity, as the texts "NaN" and "Infinity"; undefined: not JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const strings = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
    try {
      return JSON.parse(
        text.replace(strings, (found) => (found[0] === '"' ? found : `"${found}"`)),
      );
    } catch {
      return undefined;
    }
  }
}

async function readRows(
  rows: AsyncGenerator<PlacedRow>,
  requested: readonly RequestedColumn[],
  onBatch: (batch: RowBatch) => boolean,
): Promise<void> {
  let cells: unknown[][] = requested.map(() => []);
  let lines: (number | null)[] = [];
  let count = 0;
  const emit = (): boolean => {
    const places = lines;
    const batch = { firstRow: count - places.length + 1, rows: places.length, cells };
    cells = requested.map(() => []);
    lines = [];
    return onBatch({ ...batch, lineOf: (at) => places[at] ?? null });
  };
  for await (const { row, line } of rows) {
    count += 1;
    lines.push(line);
    for (let at = 0; at < requested.length; at += 1) {
      const { column, as } = requested[at]!;
      const cell = fieldOf(row[column.column], column.path);
      cells[at]!.push(as === "key" ? cellKey(cell) : cell);
    }
    if (lines.length === batchRows && !emit()) return;
  }
  if (lines.length > 0) emit();
}
