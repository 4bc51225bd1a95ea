/** The terminal's table of results: one line an arm, as many figures as the width allows. */
import type { Evaluation } from "../experiment/evaluation.js";
import { displayWidth } from "./display-width.js";
import type { Spread } from "./metric-cell.js";
import { type TableLayout, tableLayout } from "./table-layout.js";
import { terminalStyle } from "./terminal-style.js";
import { gridLines } from "./text-grid.js";
import { wrapWords } from "./wrap-words.js";

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** False: ASCII alone. */
  readonly unicode: boolean;
  readonly color: boolean;
  /** What is shown behind the mean where there are several seeds; default `sd`. */
  readonly spread?: Spread;
  /** Figures are differences and show their sign. */
  readonly signed?: boolean;
}

/** Lines without a final line feed. */
export function renderTable(evaluation: Pick<Evaluation, "arms">, options: TableOptions): string {
  if (Object.keys(evaluation.arms).length === 0) {
    return "no arm has been evaluated";
  }
  const spread = options.spread ?? "sd";
  const layout = tableLayout(evaluation, { ...options, spread, signed: options.signed === true });
  const style = terminalStyle(options.color);
  const columns = layout.rows[0]!.length;
  const aligns = Array.from({ length: columns }, (_, at) =>
    at === 0 ? ("left" as const) : ("right" as const),
  );
  const [title = "", ...body] = gridLines(layout.rows, aligns);
  const ruleWidth = Math.max(...[title, ...body].map(displayWidth));
  return [
    style.bold(title),
    style.dim((options.unicode ? "─" : "-").repeat(ruleWidth)),
    ...body.map((line, at) => (layout.spreadRows.has(at + 1) ? style.dim(line) : line)),
    ...notes(evaluation, spread, options.unicode, layout)
      .flatMap((note) => wrapWords(note, options.width))
      .map(style.dim),
  ].join("\n");
}

function notes(
  evaluation: Pick<Evaluation, "arms">,
  spread: Spread,
  unicode: boolean,
  layout: TableLayout,
): string[] {
  const counts = Object.values(evaluation.arms).map((arm) => arm.seeds.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const seeds = fewest === most ? `${most}` : `${fewest} to ${most}`;
  const lines: string[] = [];
  if (most <= 1) {
    lines.push("one seed: the figures do not say what another seed would give");
  } else if (spread === "sd") {
    lines.push(`${unicode ? "±" : "+-"}: standard deviation over ${seeds} seeds`);
  } else if (spread === "ci") {
    lines.push(`[ ]: 95 % interval of the mean over ${seeds} seeds`);
  }
  if (layout.omitted.length > 0) {
    const names = layout.omitted.map((column) => column.ascii).join(", ");
    lines.push(`left out, the terminal is too narrow: ${names}`);
  }
  return lines;
}
