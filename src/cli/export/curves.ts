/** A run's curves as one tidy table: CSV or Parquet. */
import { join } from "node:path";
import { curveRows } from "../../report/exports/curve-rows.js";
import { type WrittenColumn, writeCsv, writeParquet } from "../../tables/write-table.js";
import { readReport } from "../run/report-files.js";
import { makeExportFolder } from "./export-folder.js";

const columns: readonly WrittenColumn[] = [
  { name: "trial", type: "text" },
  { name: "arm", type: "text" },
  { name: "seed", type: "integer" },
  { name: "metric", type: "text" },
  { name: "iteration", type: "integer" },
  { name: "value", type: "number" },
];

export async function writeCurves(
  run: string,
  format: "csv" | "parquet",
  to: string,
): Promise<{ readonly file: string; readonly rows: number }> {
  const { events } = await readReport(run);
  await makeExportFolder(to);
  const file = join(to, `curves.${format}`);
  const write = format === "csv" ? writeCsv : writeParquet;
  return {
    file,
    rows: await write(
      file,
      columns,
      curveRows(events).map((row) => ({ ...row })),
    ),
  };
}
