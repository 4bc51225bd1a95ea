/** JSON lines, and one array of objects: the rows of most evaluation frameworks. */
import { stat } from "node:fs/promises";
import { safeText } from "../text/safe-text.js";
import { cellKey } from "./cell-key.js";
import { repeatedKey } from "./repeated-key.js";
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

/** Rows whose keys are the columns. */
const mostLookedAt = 1000;
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
  const rowsOf = (
    wanted: ((row: number) => boolean) | null,
    onProgress?: (fraction: number) => void,
  ): AsyncGenerator<Rows> => {
    const pieces = textPieces(file, compressed, onProgress);
    return isArray ? arrayRows(file, pieces) : lineRows(file, pieces, wanted);
  };
  const columns = new Set<string>();
  const fields = new Set<string>();
  let rowsLookedAt = 0;
  for await (const { rows } of rowsOf((row) => row <= mostLookedAt)) {
    for (const row of rows.slice(0, mostLookedAt)) {
      rowsLookedAt += 1;
      for (const [key, value] of Object.entries(row)) {
        columns.add(key);
        for (const field of fieldsOf(value, 2)) fields.add(`${key}.${field}`);
      }
    }
    if (columns.size > 0) break;
  }
  const read: Table["read"] = (requested, onBatch, onProgress) =>
    readRows(rowsOf(null, onProgress), requested, onBatch);
  const cellsAt: Table["cellsAt"] = async (column, rows) => {
    if (isArray) return cellsByReading({ read }, column, rows);
    const wanted = new Set(rows);
    const found: unknown[] = [];
    const requested = [{ column, as: "value" }] as const;
    await readRows(
      rowsOf((row) => wanted.has(row)),
      requested,
      ({ cells }) => {
        for (let at = 0; at < cells[0]!.length; at += 1) found.push(cells[0]![at]);
        return found.length < rows.length;
      },
    );
    return found;
  };
  return {
    file,
    format,
    columns: [...columns],
    fields: [...fields],
    rowsLookedAt,
    notes: [],
    read,
    cellsAt,
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

/** Rows as they come out of a piece of the file; not every row may be wanted. */
interface Rows {
  readonly rows: readonly Row[];
  /** Null: the rows are not on lines of their own. */
  readonly lines: readonly number[] | null;
}

/** @param wanted of a row's number, from 1: others are not parsed and not in the result */
async function* lineRows(
  file: string,
  pieces: AsyncIterable<string>,
  wanted: ((row: number) => boolean) | null,
): AsyncGenerator<Rows> {
  let rest = "";
  let line = 0;
  let row = 0;
  const take = (text: string, found: Row[], lines: number[]): void => {
    line += 1;
    const one = text.trim();
    if (one === "") return;
    row += 1;
    if (wanted?.(row) === false) return;
    found.push(parsedLine(file, one, line));
    lines.push(line);
  };
  for await (const piece of pieces) {
    const text = rest + piece;
    const rows: Row[] = [];
    const lines: number[] = [];
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      take(text.slice(from, to), rows, lines);
      from = to + 1;
    }
    rest = text.slice(from);
    yield { rows, lines };
  }
  const rows: Row[] = [];
  const lines: number[] = [];
  take(rest, rows, lines);
  yield { rows, lines };
}

async function* arrayRows(file: string, pieces: AsyncIterable<string>): AsyncGenerator<Rows> {
  let text = "";
  for await (const piece of pieces) text += piece;
  const value = parsedJson(text);
  if (!Array.isArray(value)) throw new TableError(`${file}: not JSON, or cut off.`);
  const wrong = value.findIndex((row) => !isRow(row));
  if (wrong >= 0) throw new TableError(`${file}, row ${wrong + 1}: not an object.`);
  refuseRepeated(file, text, 1);
  yield { rows: value as Row[], lines: null };
}

function parsedLine(file: string, text: string, line: number): Row {
  const value = parsedJson(text);
  if (isRow(value)) {
    refuseRepeated(file, text, line);
    return value;
  }
  throw new TableError(
    `${file}, line ${line}: not a JSON object; expected one object per line, or one array of objects.`,
  );
}

/** @param line on which the text begins */
function refuseRepeated(file: string, text: string, line: number): void {
  const repeated = repeatedKey(text);
  if (repeated === null) return;
  const place = line + text.slice(0, repeated.at).split("\n").length - 1;
  throw new TableError(
    `${file}, line ${place}: the key "${safeText(repeated.name)}" twice in one object; expected each key once.`,
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
    const strings = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/g;
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
  pieces: AsyncGenerator<Rows>,
  requested: readonly RequestedColumn[],
  onBatch: (batch: RowBatch) => boolean,
): Promise<void> {
  let before = 0;
  for await (const { rows, lines } of pieces) {
    if (rows.length === 0) continue;
    const cells = requested.map(({ column, as }) => {
      const { path } = column;
      return rows.map((row) => {
        const cell = Object.hasOwn(row, column.column) ? row[column.column] : undefined;
        const field = path.length === 0 ? cell : fieldOf(cell, path);
        return as === "key" ? cellKey(field) : field;
      });
    });
    const lineOf = (at: number): number | null => lines?.[at] ?? null;
    if (!onBatch({ firstRow: before + 1, rows: rows.length, cells, lineOf })) return;
    before += rows.length;
  }
}
