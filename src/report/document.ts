/** The report from top to bottom. */
import type { ReportDocument } from "./blocks.js";
import { cautionLines, conclusionLines } from "./conclusion-words.js";
import type { ReportPlot } from "./plots/panel.js";
import type { ReportData } from "./report-data.js";
import { comparisonsSection } from "./sections/comparisons.js";
import { reproduceSection } from "./sections/reproduce.js";
import { plotsSection, resultsSection } from "./sections/results.js";
import { setUpSection } from "./sections/set-up.js";
import { type TextOptions, textsSection } from "./sections/texts.js";
import { troubleSection } from "./sections/trouble.js";

export function reportDocument(
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
      ...cautionLines(evaluation.conclusion).map((text) => ({ kind: "warning" as const, text })),
      ...resultsSection(data),
      ...comparisonsSection(data),
      ...plotsSection(plots),
      ...textsSection(data, options),
      ...setUpSection(data),
      ...reproduceSection(data),
    ],
  };
}
