/** A run's report, from its record to HTML and markdown: the same parts in both, in this order. */

import type { ReportDocument } from "./blocks.js";
import { cautionLines, conclusionLines } from "./conclusion-words.js";
import { renderHtml } from "./html.js";
import { limitLines } from "./limit-words.js";
import { renderMarkdown } from "./markdown.js";
import { drawPlots } from "./plots/all-plots.js";
import type { ReportPlot } from "./plots/panel.js";
import { gatherReport, type ReportData, type ReportInput } from "./report-data.js";
import { certificatesSection } from "./sections/certificates.js";
import { citationSection } from "./sections/citation.js";
import { comparisonsSection } from "./sections/comparisons.js";
import { costSection } from "./sections/cost.js";
import { methodsSection } from "./sections/methods.js";
import { reproduceSection } from "./sections/reproduce.js";
import { plotsSection, resultsSection } from "./sections/results.js";
import { setUpSection } from "./sections/set-up.js";
import { sweepSection } from "./sections/sweep.js";
import { type TextOptions, textsSection } from "./sections/texts.js";
import { toxicitySection } from "./sections/toxicity.js";
import { troubleSection } from "./sections/trouble.js";

/**
 * Everything that is written about a run, as text; nothing is written to disk. Plots are in the HTML
 * alone.
 */
export async function renderReport(
  input: ReportInput,
  options: TextOptions,
): Promise<{ readonly html: string; readonly markdown: string }> {
  const document = await reportDocument(input, options);
  return { html: renderHtml(document), markdown: renderMarkdown(document) };
}

/** A run's report, free of the format it is written in. */
export async function reportDocument(
  input: ReportInput,
  options: TextOptions,
): Promise<ReportDocument> {
  const data = gatherReport(input);
  return documentOf(data, await drawPlots(data), options);
}

/** It stands in the section on cost, not among the others. */
function isCost({ id }: ReportPlot): boolean {
  return id === "gain-and-cost";
}

/** Of the final evaluations. */
function testPrompts({ trials, run }: ReportData): number {
  const counts = trials.flatMap(({ final }) => final?.arrays.prompt.length ?? []);
  return counts.length === 0 ? run.experiment.evaluation.prompts : Math.max(...counts);
}

function isOfSweep({ id }: ReportPlot): boolean {
  return id.startsWith("sweep-");
}

function documentOf(
  data: ReportData,
  plots: readonly ReportPlot[],
  options: TextOptions,
): ReportDocument {
  const { run, evaluation } = data;
  const { name, purpose } = run.experiment;
  return {
    title: purpose === "" ? `${name}: what happened to the tail` : `${name}: ${purpose}`,
    byline: `Run ${run.id}, started ${run.started.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}.`,
    blocks: [
      ...troubleSection(data),
      { kind: "conclusion", lines: conclusionLines(evaluation.conclusion) },
      ...[
        ...cautionLines(evaluation.conclusion),
        ...limitLines(evaluation.arms, testPrompts(data)),
      ].map((text) => ({ kind: "warning" as const, text })),
      ...resultsSection(data),
      ...certificatesSection(data),
      ...sweepSection(data, plots.filter(isOfSweep)),
      ...toxicitySection(data),
      ...comparisonsSection(data),
      ...costSection(data, plots.find(isCost) ?? null),
      ...plotsSection(plots.filter((plot) => !isCost(plot) && !isOfSweep(plot))),
      ...textsSection(data, options),
      ...methodsSection(data),
      ...setUpSection(data),
      ...reproduceSection(data),
      ...citationSection(data),
    ],
  };
}
