/** Which columns of figures fit into a width, and the cells that go there. */
import type { Evaluation } from "../experiment/evaluation.js";
import { displayWidth, pad, truncate } from "./display-width.js";
import { meanText, type Spread, spreadText } from "./metric-cell.js";
import { type MetricColumn, metricColumns } from "./metric-columns.js";
import { safeText } from "./safe-text.js";
import { columnWidths, gridWidth } from "./text-grid.js";

export interface LayoutOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** False: ASCII alone. */
  readonly unicode: boolean;
  readonly spread: Spread;
  readonly signed: boolean;
}

export interface TableLayout {
  /** Titles first. */
  readonly rows: readonly (readonly string[])[];
  /** Indices of rows that hold only spreads. */
  readonly spreadRows: ReadonlySet<number>;
  readonly omitted: readonly MetricColumn[];
}

/** Long titles, then short ones, then spreads on a line of their own, then fewer columns. */
export function tableLayout(
  evaluation: Pick<Evaluation, "arms">,
  options: LayoutOptions,
): TableLayout {
  const arms = Object.values(evaluation.arms);
  const shown = metricColumns.filter(({ metric }) =>
    arms.some((arm) => arm.metrics[metric] !== undefined),
  );
  const byRank = [...shown].sort((a, b) => a.rank - b.rank);
  const candidates: [MetricColumn[], Titles, Placing][] = [
    [shown, "long", "beside"],
    [shown, "short", "beside"],
    [shown, "short", "beneath"],
  ];
  for (let kept = byRank.length - 1; kept > 0; kept -= 1) {
    const best = new Set(byRank.slice(0, kept));
    candidates.push([shown.filter((column) => best.has(column)), "short", "beneath"]);
  }
  let layout: TableLayout | undefined;
  for (const [columns, titles, placing] of candidates) {
    layout = {
      ...cells(evaluation, columns, titles, placing, options),
      omitted: shown.filter((column) => !columns.includes(column)),
    };
    if (gridWidth(columnWidths(layout.rows)) <= options.width) {
      break;
    }
  }
  return layout!;
}

type Titles = "long" | "short";
type Placing = "beside" | "beneath";

/** Longest arm name shown whole; names may have 64 characters. */
const longestName = 24;

function cells(
  evaluation: Pick<Evaluation, "arms">,
  columns: readonly MetricColumn[],
  titles: Titles,
  placing: Placing,
  options: LayoutOptions,
): Omit<TableLayout, "omitted"> {
  const arms = Object.entries(evaluation.arms);
  const names = arms.map(([name]) =>
    truncate(safeText(name), longestName, options.unicode ? "…" : "~"),
  );
  const means = arms.map(([, { metrics }]) =>
    columns.map((column) => meanText(metrics[column.metric], column, options)),
  );
  const spreads = arms.map(([, { metrics }]) =>
    columns.map((column) => spreadText(metrics[column.metric], column, options.spread, options)),
  );
  const rows: string[][] = [["arm", ...columns.map((column) => titleOf(column, titles, options))]];
  const spreadRows = new Set<number>();
  const meanWidths = columnWidths(means);
  const spreadWidths = columnWidths(spreads);
  names.forEach((name, arm) => {
    const mean = means[arm]!;
    const spread = spreads[arm]!;
    if (placing === "beside") {
      rows.push([
        name,
        ...mean.map((text, at) =>
          spreadWidths[at] === 0
            ? text
            : `${pad(text, meanWidths[at]!, "right")} ${pad(spread[at]!, spreadWidths[at]!, "right")}`,
        ),
      ]);
      return;
    }
    rows.push([name, ...mean]);
    if (spread.some((text) => displayWidth(text) > 0)) {
      spreadRows.add(rows.length);
      rows.push(["", ...spread]);
    }
  });
  return { rows, spreadRows };
}

function titleOf(column: MetricColumn, titles: Titles, options: LayoutOptions): string {
  const title = titles === "long" ? column.title : column.short;
  return options.unicode || /^[\x20-\x7e]*$/.test(title) ? title : column.ascii;
}
