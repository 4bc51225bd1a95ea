/** Parquet, by hyparquet: only the columns that are wanted, one row group after the other. */
import { open, stat } from "node:fs/promises";
import {
  type AsyncBuffer,
  type FileMetaData,
  type ParquetScan,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { cellKey, textKey } from "./cell-key.js";
import {
  type ColumnPlace,
  fieldOf,
  type RequestedColumn,
  type RowBatch,
  type Table,
} from "./table.js";
import { TableError } from "./table-error.js";

export async function openParquet(file: string): Promise<Table> {
  const buffer = await fileBuffer(file);
  const metadata = await metadataOf(file, buffer);
  const { children } = parquetSchema(metadata);
  const columns = children.map((child) => child.element.name);
  return {
    file,
    format: "parquet",
    columns,
    fields: children.flatMap((child) =>
      fieldNames(child).map((field) => `${child.element.name}.${field}`),
    ),
    rowsLookedAt: null,
    notes: [],
    read: (requested, onBatch, onProgress) =>
      guarded(file, () => readGroups(buffer, metadata, requested, onBatch, onProgress)),
    cellsAt: (column, rows) => guarded(file, () => cellsOf(buffer, metadata, column, rows)),
  };
}

async function metadataOf(file: string, buffer: AsyncBuffer): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer);
  } catch (error) {
    throw new TableError(
      `${file}: not a whole Parquet file (${(error as Error).message}); it may be cut off.`,
      { cause: error },
    );
  }
}

/** The library's errors name pages and codecs; the reader must know which file. */
async function guarded<T>(file: string, reading: () => Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (error) {
    if (error instanceof TableError || isCallers(error)) throw error;
    throw new TableError(`${file}: the file cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** What the caller's own callback has thrown goes on as it is. */
const callers = new WeakSet<object>();

function isCallers(error: unknown): boolean {
  return typeof error === "object" && error !== null && callers.has(error);
}

function fieldNames({ children, element }: SchemaTree, depth = 2): string[] {
  if (depth === 0 || element.converted_type === "LIST" || element.converted_type === "MAP") {
    return [];
  }
  return children.flatMap((child) => [
    child.element.name,
    ...fieldNames(child, depth - 1).map((field) => `${child.element.name}.${field}`),
  ]);
}

async function readGroups(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  requested: readonly RequestedColumn[],
  onBatch: (batch: RowBatch) => boolean,
  onProgress?: (fraction: number) => void,
): Promise<void> {
  // Text becomes its key as soon as it is decoded: a row group may hold gigabytes of prompts.
  const texts = new Set(
    parquetSchema(metadata).children.flatMap(({ children, element }) =>
      children.length === 0 && element.type === "BYTE_ARRAY" ? [element.name] : [],
    ),
  );
  const asKey = ({ column, as }: RequestedColumn): boolean =>
    as === "key" && texts.has(column.column);
  const columnsOf = (among: readonly RequestedColumn[]): string[] => [
    ...new Set(among.map(({ column }) => column.column)),
  ];
  const values = await scanOf(buffer, metadata, columnsOf(requested.filter((one) => !asKey(one))));
  const keys = await scanOf(buffer, metadata, columnsOf(requested.filter(asKey)), textKey);
  const ranges = (values ?? keys)?.ranges ?? [];
  for (const { rowStart, rowEnd } of ranges) {
    const cells: ArrayLike<unknown>[] = [];
    for (const one of requested) {
      const scan = asKey(one) ? keys! : values!;
      const { column, path } = one.column;
      const found = await scan.readColumn({ column, rowStart, rowEnd });
      const fields = path.length === 0 ? found : Array.from(found, (cell) => fieldOf(cell, path));
      cells.push(one.as === "value" || asKey(one) ? fields : Array.from(fields, cellKey));
    }
    const batch = { firstRow: rowStart + 1, rows: rowEnd - rowStart, cells, lineOf: () => null };
    let wanted: boolean;
    try {
      wanted = onBatch(batch);
    } catch (error) {
      if (typeof error === "object" && error !== null) callers.add(error);
      throw error;
    }
    onProgress?.(rowEnd / Number(metadata.num_rows));
    if (!wanted) return;
  }
}

async function scanOf(
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: string[],
  stringFromBytes?: (bytes: Uint8Array) => string | null,
): Promise<ParquetScan | null> {
  if (columns.length === 0) return null;
  const parsers =
    stringFromBytes === undefined
      ? {}
      : // Missing cells come here, too.
        { stringFromBytes: (bytes: Uint8Array) => bytes && stringFromBytes(bytes) };
  return parquetScan({ file, metadata, columns, compressors, parsers });
}

/** Row by row: pages before a row are skipped, and the rest of its row group is not decoded. */
async function cellsOf(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  { column, path }: ColumnPlace,
  rows: readonly number[],
): Promise<unknown[]> {
  const found: unknown[] = [];
  const scan = await scanOf(buffer, metadata, [column]);
  for (const row of rows) {
    const [cell] = Array.from(
      (await scan!.readColumn({ column, rowStart: row - 1, rowEnd: row })) as ArrayLike<unknown>,
    );
    found.push(fieldOf(cell, path));
  }
  return found;
}

/** Keeps what was read last: a column of a row group is asked for once per wanted row. */
async function fileBuffer(file: string): Promise<AsyncBuffer> {
  const { size } = await stat(file);
  let last: { start: number; end: number; bytes: ArrayBuffer } | null = null;
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      if (last !== null && last.start === start && last.end === end) return last.bytes;
      const bytes = new Uint8Array(Math.max(0, end - start));
      const handle = await open(file, "r");
      try {
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(
            bytes,
            filled,
            bytes.length - filled,
            start + filled,
          );
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
      } finally {
        await handle.close();
      }
      last = { start, end, bytes: bytes.buffer };
      return bytes.buffer;
    },
  };
}
