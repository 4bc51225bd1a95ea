import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readParquetRows } from "../../src/tables/parquet-rows.js";
import {
  csvText,
  parquetBytes,
  type WrittenColumn,
  type WrittenRow,
  writeCsv,
  writeParquet,
} from "../../src/tables/write-table.js";

const columns: readonly WrittenColumn[] = [
  { name: "arm", type: "text" },
  { name: "step", type: "integer" },
  { name: "value", type: "number" },
];
const rows: readonly WrittenRow[] = [
  { arm: 'a "b", c\nα', step: 1, value: 0.1 },
  { arm: "", step: 2, value: null },
];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "averse-tables-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("Parquet and CSV have what was given, null too", async () => {
  const path = folder();
  expect(await writeParquet(join(path, "x.parquet"), columns, rows)).toBe(2);
  expect(await readParquetRows(join(path, "x.parquet"))).toEqual(rows);
  writeFileSync(join(path, "y.parquet"), parquetBytes(columns, rows));
  expect(await readParquetRows(join(path, "y.parquet"))).toEqual(rows);
  expect(await writeCsv(join(path, "x.csv"), columns, rows)).toBe(2);
  const text = readFileSync(join(path, "x.csv"), "utf8");
  expect(text).toBe('arm,step,value\n"a ""b"", c\nα",1,0.1\n,2,\n');
  expect(csvText(["arm", "step", "value"], rows)).toBe(text);
});

test("rows that break off leave no file, and the former one as it was", async () => {
  const path = folder();
  writeFileSync(join(path, "x.csv"), "before");
  async function* broken(): AsyncGenerator<WrittenRow> {
    yield rows[0]!;
    throw new Error("disk");
  }
  for (const write of [writeCsv, writeParquet]) {
    await expect(write(join(path, "x.csv"), columns, broken())).rejects.toThrow("disk");
  }
  expect(readdirSync(path)).toEqual(["x.csv"]);
  expect(readFileSync(join(path, "x.csv"), "utf8")).toBe("before");
});
