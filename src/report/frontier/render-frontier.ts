/** A frontier over β as a report: the same parts as HTML and as markdown. */
import { curveDifferences } from "../../analysis/equal-kl/curve-differences.js";
import type { PolicyTable } from "../../analysis/equal-kl/policy-table.js";
import type { Block, ReportDocument } from "../blocks.js";
import { renderHtml } from "../html.js";
import { renderMarkdown } from "../markdown.js";
import { drawPlot } from "../plots/chart.js";
import type { ReportPlot } from "../plots/panel.js";
import { differenceBlocks } from "./difference-blocks.js";
import { frontierPlot, promptScorePlot } from "./frontier-plots.js";
import { policiesTable } from "./frontier-tables.js";
import { policyWords } from "./frontier-words.js";

const style = { unicode: true };

export interface FrontierReport {
  readonly table: PolicyTable;
  /** Curve that the others are held against. */
  readonly against: string;
  /** One line for a shell. */
  readonly command: string;
}

/** Nothing is written to disk. Plots are in the HTML, and by themselves. */
export async function renderFrontier(report: FrontierReport): Promise<{
  readonly html: string;
  readonly markdown: string;
  readonly plots: readonly ReportPlot[];
}> {
  const { table, against } = report;
  const specs = [frontierPlot(table.policies), promptScorePlot(table.policies, against)];
  const plots: ReportPlot[] = [];
  for (const spec of specs) {
    if (spec !== null) plots.push(await drawPlot(spec));
  }
  const document = frontierDocument(report, plots);
  return { html: renderHtml(document), markdown: renderMarkdown(document), plots };
}

function frontierDocument(report: FrontierReport, plots: readonly ReportPlot[]): ReportDocument {
  const { table, against, command } = report;
  const experiments = [...new Set(table.sources.map(({ experiment }) => experiment))];
  return {
    title: `${experiments.join(", ")}: arms at equal KL`,
    byline: policyWords(table),
    blocks: [
      ...differenceBlocks(curveDifferences(table.policies, against)),
      ...plots.flatMap((plot): Block[] => [
        { kind: "heading", text: plot.title },
        { kind: "plot", plot },
      ]),
      { kind: "heading", text: "Final policies" },
      { kind: "table", ...policiesTable(table.policies, style) },
      { kind: "heading", text: "Runs" },
      sourcesBlock(table),
      { kind: "heading", text: "Reproduce" },
      { kind: "code", text: command },
    ],
  };
}

export function sourcesBlock({ sources }: PolicyTable): Block {
  return {
    kind: "table",
    head: ["run", "experiment", "started", "processor", "journal's checksum"],
    rows: sources.map(({ run, experiment, started, processor, journal }) => [
      { main: run },
      { main: experiment },
      { main: started.slice(0, 10) },
      { main: processor },
      { main: journal ?? "not finished" },
    ]),
    wordColumns: 5,
  };
}
