/** Rows written as CSV, by papaparse, or as Parquet, by hyparquet-writer: whole files or none. */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { fileWriter, parquetWriteBuffer, parquetWriteRows } from "hyparquet-writer";
import Papa from "papaparse";

export interface WrittenColumn {
  readonly name: string;
  /** A cell of any of them may be null. */
  readonly type: "text" | "integer" | "number" | "boolean";
}

export type WrittenRow = Readonly<Record<string, string | number | boolean | null>>;

const parquetTypes = {
  text: "STRING",
  integer: "INT32",
  number: "DOUBLE",
  boolean: "BOOLEAN",
} as const;

/** Of a row group: what is held in memory at a time. */
const groupRows = 20_000;

/** A Parquet file of few rows, in memory. */
export function parquetBytes<Name extends string>(
  columns: readonly (WrittenColumn & { readonly name: Name })[],
  rows: readonly Readonly<Record<Name, WrittenRow[string]>>[],
): Uint8Array {
  const columnData = columns.map(({ name, type }) => ({
    name,
    type: parquetTypes[type],
    nullable: true,
    data: rows.map((row) => row[name]),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** @returns rows written. @throws {Error} of the file system; nothing is left of the file then */
export function writeParquet(
  path: string,
  columns: readonly WrittenColumn[],
  rows: Iterable<WrittenRow> | AsyncIterable<WrittenRow>,
): Promise<number> {
  return writtenWhole(path, async (partial) => {
    let count = 0;
    async function* counted() {
      for await (const row of rows) {
        count += 1;
        yield row as Record<string, unknown>;
      }
    }
    await parquetWriteRows({
      writer: fileWriter(partial),
      columns: columns.map(({ name, type }) => ({
        name,
        type: parquetTypes[type],
        nullable: true,
      })),
      rows: counted(),
      rowGroupSize: groupRows,
    });
    return count;
  });
}

/** @returns rows written. @throws {Error} of the file system; nothing is left of the file then */
export function writeCsv(
  path: string,
  columns: readonly WrittenColumn[],
  rows: Iterable<WrittenRow> | AsyncIterable<WrittenRow>,
): Promise<number> {
  return writtenWhole(path, async (partial) => {
    const file = openSync(partial, "w");
    let count = 0;
    try {
      const names = columns.map(({ name }) => name);
      writeSync(file, `${csvLine(names)}\n`);
      for await (const row of rows) {
        writeSync(file, `${csvLine(names.map((name) => row[name] ?? null))}\n`);
        count += 1;
      }
    } finally {
      closeSync(file);
    }
    return count;
  });
}

/** A small table in memory. */
export function csvText(names: readonly string[], rows: readonly WrittenRow[]): string {
  const lines = [names, ...rows.map((row) => names.map((name) => row[name] ?? null))];
  return lines.map((line) => `${csvLine(line)}\n`).join("");
}

function csvLine(cells: readonly (string | number | boolean | null)[]): string {
  return Papa.unparse([[...cells]]);
}

/** Beside it under a unique name, on disk, then renamed: what was there before stays until then. */
async function writtenWhole<T>(path: string, write: (partial: string) => Promise<T>): Promise<T> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    const result = await write(partial);
    const file = openSync(partial, "r+");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    return result;
  } catch (error) {
    rmSync(partial, { force: true });
    // Errors of a file that is open do not name it; of the others they name the neighbour.
    if (error instanceof Error && "code" in error) Object.assign(error, { path });
    throw error;
  }
}
