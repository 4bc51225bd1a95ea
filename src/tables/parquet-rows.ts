/** Small Parquet files read whole. */
import { readFileSync } from "node:fs";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { TableError } from "./table-error.js";
import type { WrittenRow } from "./write-table.js";

/** @throws {TableError} it is no whole Parquet file */
export async function readParquetRows(path: string): Promise<WrittenRow[]> {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(
    bytes.byteOffset,
    bytes.byteOffset + bytes.byteLength,
  ) as ArrayBuffer;
  try {
    return (await parquetReadObjects({ file, compressors })) as WrittenRow[];
  } catch (error) {
    throw new TableError(`${path}: not a whole Parquet file (${(error as Error).message}).`, {
      cause: error,
    });
  }
}
