/** Which format a file has, by its first bytes and its name, and the reader for it. */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Table, TableFormat } from "./table.js";
import { TableError } from "./table-error.js";

export const tableFormats: readonly TableFormat[] = ["csv", "tsv", "jsonl", "json", "parquet"];

const endings: Readonly<Record<string, TableFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  parquet: "parquet",
  pq: "parquet",
};

/**
 * @param format null: as the name and the first bytes say
 * @throws {TableError} the file is no table that can be read
 */
export async function openTable(file: string, format: TableFormat | null): Promise<Table> {
  const start = await firstBytes(file);
  if (start.length === 0) throw new TableError(`${file}: the file is empty.`);
  const compressed = start[0] === 0x1f && start[1] === 0x8b;
  const kind = format ?? formatOf(file, start, compressed);
  if (kind === "parquet") {
    if (compressed) {
      throw new TableError(`${file}: a Parquet file inside gzip; decompress it first (gunzip).`);
    }
    const { openParquet } = await import("./parquet.js");
    return openParquet(file);
  }
  if (kind === "csv" || kind === "tsv") {
    const { openDelimited } = await import("./delimited.js");
    return openDelimited(file, kind, compressed);
  }
  const { openJsonRows } = await import("./json-rows.js");
  return openJsonRows(file, kind, compressed);
}

function formatOf(file: string, start: Buffer, compressed: boolean): TableFormat {
  if (start.subarray(0, 4).toString("latin1") === "PAR1") return "parquet";
  const name = basename(file).toLowerCase().replace(/\.gz$/, "");
  const known = endings[name.slice(name.lastIndexOf(".") + 1)];
  if (known !== undefined) return known;
  if (!compressed && /^(\uFEFF)?\s*\{/.test(start.toString("utf8"))) return "jsonl";
  throw new TableError(
    `${file}: the name does not say what it is; expected ${Object.keys(endings)
      .map((one) => `.${one}`)
      .join(", ")}, also with .gz (not Parquet), or --format.`,
  );
}

const onlyFiles =
  "standard input and pipes cannot be read, since a file is read more than once; write a file first.";

async function firstBytes(file: string): Promise<Buffer> {
  if (file === "-") throw new TableError(`-: ${onlyFiles}`);
  const found = await stat(file);
  if (found.isDirectory()) throw new TableError(`${file}: a folder; name the files in it.`);
  if (!found.isFile()) throw new TableError(`${file}: ${onlyFiles}`);
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
