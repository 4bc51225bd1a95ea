import { reportDocument } from "./document.js";
import { renderHtml } from "./html.js";
import { renderMarkdown } from "./markdown.js";
import { drawPlots } from "./plots/all-plots.js";
import type { Plot } from "./plots/panel.js";
import { gatherReport, type ReportInput } from "./report-data.js";

export interface ReportOptions {
  /** Prints sampled texts as they are; else masked. */
  readonly showText: boolean;
  /** For markdown: where a plot's SVG will lie, relative to it; default: plots only in HTML. */
  readonly plotPath?: (id: string) => string;
}

export interface RenderedReport {
  readonly html: string;
  readonly markdown: string;
  /** For those who want the pictures by themselves. */
  readonly plots: readonly Plot[];
}

/** Everything that is written about a run, as text; nothing is written to disk. */
export async function renderReport(
  input: ReportInput,
  options: ReportOptions,
): Promise<RenderedReport> {
  const data = gatherReport(input);
  const plots = await drawPlots(data);
  const document = reportDocument(data, plots, options);
  return {
    html: renderHtml(document),
    markdown: renderMarkdown(document, { plotPath: options.plotPath ?? null }),
    plots,
  };
}
