import { reportDocument } from "./document.js";
import { renderHtml } from "./html.js";
import { renderMarkdown } from "./markdown.js";
import { drawPlots } from "./plots/all-plots.js";
import { gatherReport, type ReportInput } from "./report-data.js";
import type { TextOptions } from "./sections/texts.js";

/**
 * Everything that is written about a run, as text; nothing is written to disk. Plots are in the HTML
 * alone.
 */
export async function renderReport(
  input: ReportInput,
  options: TextOptions,
): Promise<{ readonly html: string; readonly markdown: string }> {
  const data = gatherReport(input);
  const plots = await drawPlots(data);
  const document = reportDocument(data, plots, options);
  return { html: renderHtml(document), markdown: renderMarkdown(document) };
}
