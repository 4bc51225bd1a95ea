/** The report's figures as files: SVG as they are drawn; PDF and PNG by Typst, of the worker's Python. */
import { join, resolve } from "node:path";
import { drawPlots } from "../../report/plots/all-plots.js";
import { gatherReport } from "../../report/report-data.js";
import { writeDurably } from "../../system/durable-files.js";
import { exitCode, UserError } from "../failure-text.js";
import { pythonAnswer } from "../machine/python-answer.js";
import { readReport } from "../run/report-files.js";
import { makeExportFolder } from "./export-folder.js";

export type FigureFormat = "svg" | "pdf" | "png";

const timeoutMs = 600_000;

/** @returns files written. @throws {UserError} there is nothing to draw, or no Typst */
export async function writeFigures(
  run: string,
  format: FigureFormat,
  to: string,
): Promise<string[]> {
  const plots = await drawPlots(gatherReport(await readReport(run)));
  if (plots.length === 0) throw new UserError(`${run} has no figures yet: no trial has any.`);
  const folder = join(to, "figures");
  await makeExportFolder(folder);
  const files = plots.map(({ id }) => join(folder, `${id}.${format}`));
  if (format === "svg") {
    for (const [at, { svg }] of plots.entries()) writeDurably(files[at]!, `${svg}\n`);
    return files;
  }
  const request = {
    format,
    figures: plots.map(({ svg }, at) => ({ svg, file: resolve(files[at]!) })),
  };
  const told = await pythonAnswer(
    "averse_export.figures",
    [],
    JSON.stringify(request),
    {},
    timeoutMs,
  );
  if (typeof told === "string") {
    throw new UserError(
      `the figures cannot be written as ${format}: ${told}`,
      exitCode.environment,
    );
  }
  return files;
}
