/** An audit's report: the same parts as HTML and as markdown. */
import type { Block, ReportDocument, TableContent } from "../blocks.js";
import { renderHtml } from "../html.js";
import { renderMarkdown } from "../markdown.js";
import type { ReportPlot } from "../plots/panel.js";
import type { AuditDescription } from "./audit-description.js";
import { AuditFigures } from "./audit-figures.js";
import { drawAuditPlots, type ScoresByArm } from "./audit-plots.js";
import {
  boundsTable,
  comparisonsTable,
  figuresTable,
  promptScoreTable,
  worstTable,
} from "./audit-tables.js";
import { auditConclusion, auditNotes, methodItems, readWords } from "./audit-words.js";

/** Nothing is written to disk. Plots are in the HTML alone. */
export async function renderAudit(
  description: AuditDescription,
  scores: ScoresByArm,
): Promise<{ readonly html: string; readonly markdown: string }> {
  const plots = await drawAuditPlots(description, scores);
  const document = auditDocument(description, plots);
  return { html: renderHtml(document), markdown: renderMarkdown(document) };
}

function auditDocument(
  description: AuditDescription,
  plots: readonly ReportPlot[],
): ReportDocument {
  const figures = new AuditFigures(description, { unicode: true });
  const { files, audit, settings } = description;
  const byPrompt = promptScoreTable(description, figures);
  return {
    title: "Audit: the tail of the scores",
    byline: `${readWords(description)}: ${files.map(({ file }) => file).join(", ")}.`,
    blocks: [
      { kind: "conclusion", lines: auditConclusion(description, figures) },
      { kind: "heading", text: "Figures" },
      table(figuresTable(description, figures)),
      { kind: "paragraph", text: "In brackets: 95 % intervals." },
      { kind: "heading", text: "Bounds" },
      {
        kind: "paragraph",
        text: settings.higherIsWorse
          ? "CVaR and VaR are not above:"
          : "CVaR and VaR are not below:",
      },
      table(boundsTable(description, figures)),
      { kind: "list", items: auditNotes(description) },
      ...(audit.comparisons.length === 0
        ? []
        : [
            { kind: "heading" as const, text: "Arms against each other" },
            table(comparisonsTable(description, figures)),
          ]),
      ...plots.flatMap((plot): Block[] => [
        { kind: "heading", text: plot.title },
        { kind: "plot", plot },
      ]),
      ...(byPrompt === null ? [] : [table(byPrompt)]),
      ...worstBlocks(description, figures),
      {
        kind: "details",
        summary: "How the figures are computed",
        blocks: [{ kind: "list", items: methodItems(description) }],
      },
      { kind: "heading", text: "Reproduce" },
      { kind: "code", text: description.command },
    ],
  };
}

function worstBlocks({ worst, files, showText }: AuditDescription, figures: AuditFigures): Block[] {
  const arms = Object.entries(worst).filter(([, rows]) => rows.length > 0);
  if (arms.length === 0) return [];
  const texts = arms.some(([, rows]) => rows.some(({ prompt, text }) => (prompt ?? text) !== null));
  return [
    { kind: "heading", text: "Worst rows" },
    ...(texts
      ? [
          {
            kind: "warning" as const,
            text: showText
              ? "These texts are printed as they stand in the files and may be offensive."
              : "Words show their first letter only. Write the report with --show-text to read them; they may be offensive.",
          },
        ]
      : []),
    {
      kind: "details",
      summary: "The worst rows of each arm",
      blocks: arms.flatMap(([arm, rows]): Block[] => [
        { kind: "subheading", text: arm },
        table(worstTable(rows, files.length > 1, figures)),
      ]),
    },
  ];
}

function table({ head, rows, wordColumns }: TableContent): Block {
  return { kind: "table", head, rows, wordColumns };
}
