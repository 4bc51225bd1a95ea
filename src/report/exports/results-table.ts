/** The arms' final figures as a table for a paper, a spreadsheet or a page. Pure. */
import type { ArmMetrics } from "../../analysis/evaluation.js";
import type { NumberStyle } from "../../text/numbers.js";
import {
  type MetricColumn,
  meanText,
  metricColumns,
  reportOnlyColumns,
  spreadText,
} from "../metric-columns.js";

export type ResultsFormat = "latex" | "csv" | "md";

export interface ResultRow {
  readonly arm: string;
  readonly seeds: number;
  readonly metric: string;
  readonly mean: number;
  readonly sd: number | null;
  readonly ci95_low: number | null;
  readonly ci95_high: number | null;
}

type Arms = Readonly<Record<string, ArmMetrics>>;

/** Every figure of every arm, as it is stored: one row each. */
export function resultRows(arms: Arms): ResultRow[] {
  return Object.entries(arms).flatMap(([arm, { seeds, metrics }]) =>
    Object.entries(metrics).map(([metric, { mean, sd, ci95 }]) => ({
      arm,
      seeds: seeds.length,
      metric,
      mean,
      sd,
      ci95_low: ci95?.[0] ?? null,
      ci95_high: ci95?.[1] ?? null,
    })),
  );
}

/** The figures that the report's tables show, with their 95 % intervals over seeds. */
export function resultsMarkdown(arms: Arms): string {
  const columns = shownColumns(arms);
  const lines = [
    ["arm", ...columns.map(({ title }) => title)],
    ["---", ...columns.map(() => "---:")],
    ...cellsOf(arms, columns, { unicode: true }).map(([arm, ...cells]) => [
      arm!,
      ...cells.map((cell) => cell.replaceAll("|", "\\|")),
    ]),
  ];
  return `${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}\n\n${note(arms)}.\n`;
}

/** For `booktabs`. */
export function resultsLatex(arms: Arms): string {
  const columns = shownColumns(arms);
  const head = ["arm", ...columns.map(({ ascii }) => ascii)].map(latexText);
  const rows = cellsOf(arms, columns, { unicode: false }).map(([arm, ...cells]) =>
    [latexText(arm!), ...cells.map(latexFigure)].join(" & "),
  );
  return [
    `% ${note(arms)}.`,
    "% \\usepackage{booktabs}",
    `\\begin{tabular}{l${"r".repeat(columns.length)}}`,
    "\\toprule",
    `${head.join(" & ")} \\\\`,
    "\\midrule",
    ...rows.map((row) => `${row} \\\\`),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

function shownColumns(arms: Arms): MetricColumn[] {
  return [...metricColumns, ...reportOnlyColumns].filter(({ metric }) =>
    Object.values(arms).some(({ metrics }) => metrics[metric] !== undefined),
  );
}

function cellsOf(arms: Arms, columns: readonly MetricColumn[], style: NumberStyle): string[][] {
  return Object.entries(arms).map(([arm, { metrics }]) => [
    arm,
    ...columns.map((column) => {
      const metric = metrics[column.metric];
      return [meanText(metric, column, style), spreadText(metric, column, "ci", style)]
        .filter((text) => text !== "")
        .join(" ");
    }),
  ]);
}

function note(arms: Arms): string {
  const counts = Object.values(arms).map(({ seeds }) => seeds.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  if (most === 1) return "One seed: the figures do not say what another seed would give";
  const seeds = fewest === most ? `${most}` : `${fewest} to ${most}`;
  return `Means over ${seeds} seeds, in brackets their 95 % intervals (Student's t)`;
}

const latexSpecial: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
};

export function latexText(text: string): string {
  return text
    .replace(/[\\~^]|[#$%&_{}]/g, (one) => latexSpecial[one] ?? `\\${one}`)
    .replaceAll("α", "$\\alpha$")
    .replaceAll("β", "$\\beta$");
}

/** `-1.2 [-1.4, -1.0]` with minus signs as they are set in mathematics. */
function latexFigure(text: string): string {
  return text === "" ? "" : `$${text.replaceAll(" ", "\\ ").replaceAll("%", "\\%")}$`;
}
