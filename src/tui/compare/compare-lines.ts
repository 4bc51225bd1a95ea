/** The comparison screen: figures and differences with their intervals, or curves over prompts. */

import { compareArms, renderComparison } from "../../report/comparison.js";
import { formatNumber } from "../../text/numbers.js";
import { pad } from "../../text/width.js";
import { wrapText } from "../../text/wrapping.js";
import { lineChart } from "../charts/line-chart.js";
import { plainText } from "../launcher/plain-text.js";
import { flowFields, type Line, type Look, type ViewStyle } from "../line.js";
import type { CompareState } from "./compare-state.js";
import { type ComparedArmRow, runLetter, withReferenceFirst } from "./compared-rows.js";
import type { ComparedRun } from "./compared-run.js";

interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** At most `rows` lines, in `columns` columns. */
export function compareLines(state: CompareState, room: Room, style: ViewStyle): Line[] {
  const head = headLines(state, room, style);
  const rows = Math.max(1, room.rows - head.length);
  if (state.view === "curves") {
    return [...head, ...curveLines(state, { columns: room.columns, rows }, style)].slice(
      0,
      room.rows,
    );
  }
  const table = tableLines(state, room.columns, style);
  const below = rows - table.length - 1;
  // Where both fit, one sees both.
  const curves =
    state.rows.length > 0 && below >= fewestCurveRows
      ? [[], ...curveLines(state, { columns: room.columns, rows: below }, style)]
      : [];
  return [...head, ...windowOf(table, state.scroll, rows, style), ...curves].slice(0, room.rows);
}

/** Title, plot and legend: lower curves are not worth the look. */
const fewestCurveRows = 16;

/** Lines that the table is longer than its window. */
export function compareScroll(state: CompareState, room: Room, style: ViewStyle): number {
  const rows = Math.max(1, room.rows - headLines(state, room, style).length);
  return state.view === "table"
    ? Math.max(0, tableLines(state, room.columns, style).length - rows)
    : 0;
}

function headLines(state: CompareState, { rows }: Room, style: ViewStyle): Line[] {
  const tabs: Line = [
    { text: "COMPARISON  ", bold: true },
    ...tab("table", state.view === "table", style),
    { text: "  " },
    ...tab("curves", state.view === "curves", style),
  ];
  return rows >= 18 ? [tabs, []] : [tabs];
}

function tab(name: string, on: boolean, { unicode }: ViewStyle): Line {
  return on
    ? [{ text: `${unicode ? "▸" : ">"} ${name}`, bold: true, inverse: true }]
    : [{ text: `  ${name}`, dim: true }];
}

function windowOf(lines: readonly Line[], scroll: number, rows: number, style: ViewStyle): Line[] {
  const from = Math.min(scroll, Math.max(0, lines.length - rows));
  const shown = lines.slice(from, from + rows);
  const below = lines.length - from - shown.length;
  const mark = style.unicode ? "⋮" : ":";
  // The last line of the window tells that there are more, and comes into view with the next key.
  return below > 0
    ? [...shown.slice(0, -1), [{ text: `${mark} ${below + 1} more lines`, dim: true }]]
    : shown;
}

function tableLines(state: CompareState, columns: number, style: ViewStyle): Line[] {
  const { runs, rows } = state;
  if (runs === null) {
    return [[{ text: `reading${style.unicode ? "…" : "..."}`, dim: true }]];
  }
  const said = conclusionLines(runs, columns, style);
  if (rows.length === 0) {
    return [...said, [], [{ text: "Nothing to compare yet: no arm has been evaluated." }]];
  }
  const ordered = withReferenceFirst(rows, state.reference);
  const table = renderComparison(compareArms(ordered), {
    width: columns,
    unicode: style.unicode,
    color: false,
    spread: "ci",
  });
  // The figures before the words: on a low terminal they are what the first screen is for.
  return [
    ...flowFields(
      runs.map((_, place) => nameOf(runs, place, style)),
      columns,
      0,
    ),
    [],
    ...table.split("\n").map((text, at): Line => [{ text, ...(at === 0 ? { bold: true } : {}) }]),
    [],
    ...said,
  ];
}

/** `A  quickstart-1a2b3c4d` */
function nameOf(runs: readonly ComparedRun[], place: number, style: ViewStyle): Line {
  const letter = runLetter(place, runs.length);
  return [
    { text: letter === "" ? "" : `${letter}  `, bold: true },
    { text: plainText(runs[place]!.id, style), bold: true },
  ];
}

/** What each run says of itself, or why it has nothing to say; the others are left out. */
function conclusionLines(runs: readonly ComparedRun[], columns: number, style: ViewStyle): Line[] {
  return runs.flatMap(({ problem, conclusion }, place): Line[] => {
    const said = problem === null ? conclusion : [problem];
    const lines = said.flatMap((text) =>
      wrapText(plainText(text, style), Math.max(20, columns - 3)),
    );
    const look: Look = problem === null ? { dim: true } : { color: "yellow" };
    return lines.length === 0
      ? []
      : [
          nameOf(runs, place, style),
          ...lines.map((text): Line => [{ ...look, text: `   ${text}` }]),
        ];
  });
}

const colors = ["cyan", "magenta", "yellow", "green", "blue", "red"] as const;

/** Curves of the arms that have one, the chosen in front and unbroken. */
function curveLines(state: CompareState, { columns, rows }: Room, style: ViewStyle): Line[] {
  const { runs, highlight } = state;
  if (runs === null) {
    return tableLines(state, columns, style);
  }
  const known = state.rows.filter(({ curve }) => curve.length > 0);
  if (known.length === 0) {
    const text = "No curve yet: curves come from the final evaluation of an arm.";
    return [[{ text, dim: true }]];
  }
  const chosen = state.rows[highlight] ?? known[0]!;
  const order = [chosen, ...known.filter((row) => row !== chosen)].filter(
    ({ curve }) => curve.length > 0,
  );
  const lookOf = (row: ComparedArmRow): Look => ({
    color: colors[state.rows.indexOf(row) % colors.length]!,
    ...(row === chosen ? { bold: true } : {}),
  });
  const title: Line = [
    { text: "Mean reward by how bad the prompt was", bold: true },
    { text: "  0: worst prompts, 100: best; up is better", dim: true },
  ];
  const mostLegend = Math.max(1, Math.floor(rows / 2) - 1);
  const legend = legendLines(state, chosen, lookOf, mostLegend, style);
  const height = rows - legend.length - 1;
  const tail = runs.find(({ tailQuantile }) => tailQuantile !== null)?.tailQuantile ?? null;
  const plot =
    height < 4
      ? []
      : lineChart(
          {
            series: order.map((row) => ({
              xs: row.curve.map(({ x }) => 100 * x),
              ys: row.curve.map(({ y }) => y),
              look: lookOf(row),
              dashed: row !== chosen,
            })),
            x: { from: 0, to: 100 },
            marker: tail === null ? null : Number((100 * tail).toPrecision(3)),
          },
          { width: columns, height, style },
        );
  return [title, ...plot, ...legend];
}

/** Each arm with its ends of the curve; what does not fit is left out, never the chosen. */
function legendLines(
  { rows }: CompareState,
  chosen: ComparedArmRow,
  lookOf: (row: ComparedArmRow) => Look,
  most: number,
  style: ViewStyle,
): Line[] {
  const name = Math.max(...rows.map(({ label }) => plainText(label, style).length));
  const place = rows.indexOf(chosen);
  const from = Math.max(0, Math.min(place - most + 1, rows.length - most));
  return rows.slice(from, from + most).map((row): Line => {
    const on = row === chosen;
    const [first, last] = [row.curve[0], row.curve.at(-1)];
    const stroke = style.unicode ? (on ? "━━" : "╌╌") : on ? "--" : "- ";
    const ends =
      first === undefined || last === undefined
        ? "no final evaluation"
        : `${formatNumber(first.y, 2, style)} on the worst prompts, ${formatNumber(last.y, 2, style)} on the best`;
    return [
      { text: on ? (style.unicode ? "▸ " : "> ") : "  ", color: "cyan", bold: true },
      { text: `${stroke} `, ...lookOf(row) },
      { text: pad(plainText(row.label, style), name, "left"), ...(on ? { bold: true } : {}) },
      { text: `  ${ends}`, dim: true },
    ];
  });
}
