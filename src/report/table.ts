/** The terminal's table of results: one line per arm, as many figures as the width allows. */
import type { ArmMetrics } from "../analysis/evaluation.js";
import { columnWidths, gridLines, gridWidth, terminalStyle } from "../text/grid.js";
import { safeText } from "../text/safe-text.js";
import { displayWidth, pad, truncate, wrapText } from "../text/width.js";
import { measureColumns } from "./measure-columns.js";
import { memberColumns, memberLabel, memberRows } from "./member-rows.js";
import {
  type MetricColumn,
  meanText,
  metricColumns,
  type Spread,
  spreadText,
} from "./metric-columns.js";

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
  /** Said behind an arm's name. */
  readonly marks?: ReadonlyMap<string, string>;
}

/** Figures by arm, in the order of the rows. */
export interface MeasuredArms {
  readonly arms: Readonly<Record<string, ArmMetrics>>;
}

/**
 * The arms' figures, and below them those of each reward component and judge where there are
 * several. Lines without a final line feed.
 */
export function renderTable(evaluation: MeasuredArms, options: TableOptions): string {
  if (Object.keys(evaluation.arms).length === 0) {
    return "no arm has been evaluated";
  }
  const members = memberRows(evaluation.arms);
  const measures = measureColumns(evaluation.arms);
  const { marks: _, ...rest } = options;
  const whole = [
    drawTable(evaluation, metricColumns, options),
    ...(measures.length === 0 ? [] : ["", drawTable(evaluation, measures, rest, false)]),
  ].join("\n");
  if (members.length === 0) {
    return whole;
  }
  const rows = members.map((row) => [
    `${row.arm}: ${memberLabel(row)}`,
    { seeds: [...row.seeds], metrics: row.metrics },
  ]);
  return [
    whole,
    "",
    drawTable({ arms: Object.fromEntries(rows) }, memberColumns, rest, false),
  ].join("\n");
}

function drawTable(
  evaluation: MeasuredArms,
  among: readonly MetricColumn[],
  options: TableOptions,
  isWhole = true,
): string {
  const spread = options.spread ?? "sd";
  const layout = tableLayout(evaluation, among, {
    ...options,
    spread,
    signed: options.signed === true,
    marks: options.marks ?? new Map(),
  });
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
    ...[...(isWhole ? seedNotes(evaluation, spread, options.unicode) : []), ...omittedNotes(layout)]
      .flatMap((note) => wrapText(note, options.width))
      .map(style.dim),
  ].join("\n");
}

function omittedNotes({ omitted }: TableLayout): string[] {
  const names = omitted.map((column) => column.ascii).join(", ");
  return omitted.length === 0 ? [] : [`left out, the terminal is too narrow: ${names}`];
}

function seedNotes(evaluation: MeasuredArms, spread: Spread, unicode: boolean): string[] {
  const counts = Object.values(evaluation.arms).map((arm) => arm.seeds.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const seeds = fewest === most ? `${most}` : `${fewest} to ${most}`;
  if (most <= 1) {
    return ["one seed: the figures do not say what another seed would give"];
  }
  switch (spread) {
    case "sd":
      return [`${unicode ? "±" : "+-"}: standard deviation over ${seeds} seeds`];
    case "ci":
      return [`[ ]: 95 % interval of the mean over ${seeds} seeds`];
    case "none":
      return [];
  }
}

/** Which columns of figures fit into a width, and the cells that go there. */
interface LayoutOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** False: ASCII alone. */
  readonly unicode: boolean;
  readonly spread: Spread;
  readonly signed: boolean;
  readonly marks: ReadonlyMap<string, string>;
}

interface TableLayout {
  /** Titles first. */
  readonly rows: readonly (readonly string[])[];
  /** Indices of rows that hold only spreads. */
  readonly spreadRows: ReadonlySet<number>;
  readonly omitted: readonly MetricColumn[];
}

/** Long titles, then short ones, then spreads on a line of their own, then fewer columns. */
function tableLayout(
  evaluation: MeasuredArms,
  among: readonly MetricColumn[],
  options: LayoutOptions,
): TableLayout {
  const arms = Object.values(evaluation.arms);
  const shown = among.filter(({ metric }) => arms.some((arm) => arm.metrics[metric] !== undefined));
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

/** Longest arm name that is shown whole in any case; names may have 64 characters. */
const longestName = 24;

/** Cut to one length, at which different names stay different. */
function shortNames(names: readonly string[], unicode: boolean): string[] {
  const longest = Math.max(longestName, ...names.map(displayWidth));
  for (let length = longestName; length < longest; length += 1) {
    const short = names.map((name) => truncate(name, length, unicode ? "…" : "~"));
    if (new Set(short).size === names.length) {
      return short;
    }
  }
  return [...names];
}

function cells(
  evaluation: MeasuredArms,
  columns: readonly MetricColumn[],
  titles: Titles,
  placing: Placing,
  options: LayoutOptions,
): Omit<TableLayout, "omitted"> {
  const arms = Object.entries(evaluation.arms);
  const names = shortNames(
    arms.map(([name]) => safeText(name)),
    options.unicode,
  ).map((short, at) => {
    const mark = options.marks.get(arms[at]![0]);
    return mark === undefined ? short : `${short}, ${mark}`;
  });
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
