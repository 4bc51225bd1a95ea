/** The final figures of a run's arms, with intervals, as a table for elsewhere. */
import {
  type ResultsFormat,
  resultRows,
  resultsLatex,
  resultsMarkdown,
} from "../../report/exports/results-table.js";
import { csvText } from "../../tables/write-table.js";
import { UserError } from "../failure-text.js";
import { readReport } from "../run/report-files.js";

const endings: Readonly<Record<ResultsFormat, string>> = { latex: "tex", csv: "csv", md: "md" };

export function resultsFile(format: ResultsFormat): string {
  return `results.${endings[format]}`;
}

/** @throws {UserError} no arm has been evaluated */
export async function resultsText(run: string, format: ResultsFormat): Promise<string> {
  const { arms } = (await readReport(run)).evaluation;
  if (Object.keys(arms).length === 0) {
    throw new UserError(`${run} has no results yet: no trial has its final evaluation.`);
  }
  if (format === "latex") return resultsLatex(arms);
  if (format === "md") return resultsMarkdown(arms);
  const rows = resultRows(arms).map((row) => ({ ...row }));
  return csvText(Object.keys(rows[0]!), rows);
}
