/** The comparison screen: figures and differences with their intervals, or curves over prompts. */

import { Box } from "ink";
import type { ReactElement } from "react";
import { compareArms, renderComparison } from "../../report/comparison.js";
import { formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { displayWidth, pad, wrapText } from "../../text/width.js";
import { curveColors, distinctDashes, strokeSample } from "../charts/dash.js";
import { lineChart } from "../charts/line-chart.js";
import { flowFields, type Line, type Look, type Size, type ViewStyle } from "../terminal/line.js";
import { Lines, Row } from "../terminal/lines.js";
import { plainText } from "../terminal/plain-text.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import type { CompareState } from "./compare-state.js";
import { type ComparedArmRow, runLetter, withReferenceFirst } from "./compared-rows.js";
import type { ComparedRun } from "./compared-run.js";

/** Rows from which on the tabs stand apart. */
const roomyRows = 18;
/** Title, plot and legend: lower curves are not worth the look. */
const fewestCurveRows = 16;

export function ComparisonView({
  state,
  width,
  height,
}: Size & { readonly state: CompareState }): ReactElement {
  const style = useViewStyle();
  const rows = bodyRows(height);
  const table = tableLines(state, width, style);
  const below = rows - table.length - 1;
  // Where both fit, one sees both.
  const hasBoth = state.rows.length > 0 && below >= fewestCurveRows;
  const shown = windowOf(table, state.scroll, rows, style);
  return (
    <Box flexDirection="column" rowGap={height >= roomyRows ? 1 : 0}>
      <Row line={tabs(state, style)} width={width} />
      {state.view === "curves" ? (
        <Curves state={state} width={width} height={rows} />
      ) : (
        <Box flexDirection="column" rowGap={1}>
          <Lines lines={shown} width={width} height={shown.length} />
          {hasBoth ? <Curves state={state} width={width} height={below} /> : null}
        </Box>
      )}
    </Box>
  );
}

/** Lines that the table is longer than its window. */
export function compareScroll(
  state: CompareState,
  { width, height }: Size,
  style: ViewStyle,
): number {
  return state.view === "table"
    ? Math.max(0, tableLines(state, width, style).length - bodyRows(height))
    : 0;
}

function bodyRows(height: number): number {
  return Math.max(1, height - (height >= roomyRows ? 2 : 1));
}

function tabs({ view }: CompareState, { unicode }: ViewStyle): Line {
  const tab = (name: CompareState["view"]): Line =>
    name === view
      ? [{ text: `${unicode ? "▸" : ">"} ${name}`, bold: true, inverse: true }]
      : [{ text: `  ${name}`, dim: true }];
  return [{ text: "COMPARISON  ", bold: true }, ...tab("table"), { text: "  " }, ...tab("curves")];
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

function tableLines(state: CompareState, width: number, style: ViewStyle): Line[] {
  const { runs, rows } = state;
  if (runs === null) {
    return [reading(style)];
  }
  const said = conclusionLines(runs, width, style);
  if (rows.length === 0) {
    return [...said, [], [{ text: "Nothing to compare yet: no arm has been evaluated." }]];
  }
  const table = renderComparison(compareArms(withReferenceFirst(rows, state.reference)), {
    width,
    unicode: style.unicode,
    color: false,
    spread: "ci",
  });
  const names = runs.map((_, place) => [...nameOf(runs, place, style), ...seedsOf(runs[place]!)]);
  // The figures before the words: on a low terminal they are what the first screen is for.
  return [
    ...flowFields(names, width),
    [],
    ...table.split("\n").map((text, at): Line => [{ text, ...(at === 0 ? { bold: true } : {}) }]),
    [],
    ...said,
  ];
}

function reading({ unicode }: ViewStyle): Line {
  return [{ text: `reading${unicode ? "…" : "..."}`, dim: true }];
}

/** `A  quickstart-1a2b3c4d` */
function nameOf(runs: readonly ComparedRun[], place: number, style: ViewStyle): Line {
  const letter = runLetter(place, runs.length);
  return [
    { text: letter === "" ? "" : `${letter}  `, bold: true },
    { text: plainText(runs[place]!.id, style), bold: true },
  ];
}

/** `seeds 0, 1, 2`, where all arms have the same; else by arm. */
function seedsOf({ arms }: ComparedRun): Line {
  const lists = new Map<string, string[]>();
  for (const { arm, seeds } of arms) {
    const list = seeds.join(", ");
    lists.set(list, [...(lists.get(list) ?? []), arm]);
  }
  const words = [...lists].map(([list, of]) =>
    lists.size === 1 ? list : `${list} (${of.join(", ")})`,
  );
  const text = words.length === 0 ? "" : `  seeds ${words.join("; ")}`;
  return [{ text: safeText(text), dim: true }];
}

/** What each run says of itself, or why it has nothing to say; the others are left out. */
function conclusionLines(runs: readonly ComparedRun[], width: number, style: ViewStyle): Line[] {
  return runs.flatMap(({ problem, conclusion }, place): Line[] => {
    const said = problem === null ? conclusion : [problem];
    const lines = said.flatMap((text) => wrapText(plainText(text, style), Math.max(20, width - 3)));
    const look: Look = problem === null ? { dim: true } : { color: "yellow" };
    return lines.length === 0
      ? []
      : [
          nameOf(runs, place, style),
          ...lines.map((text): Line => [{ ...look, text: `   ${text}` }]),
        ];
  });
}

/** Curves of the arms that have one, the chosen in front and unbroken. */
function Curves({ state, width, height }: Size & { readonly state: CompareState }): ReactElement {
  const style = useViewStyle();
  const lines = curveLines(state, { width, height }, style);
  return <Lines lines={lines} width={width} height={Math.min(height, lines.length)} />;
}

function curveLines(state: CompareState, { width, height }: Size, style: ViewStyle): Line[] {
  const { runs, highlight } = state;
  if (runs === null) {
    return [reading(style)];
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
  // The chosen is unbroken; whichever that is, the others keep their strokes.
  const dashOf = (row: ComparedArmRow): number =>
    row === chosen ? 0 : 1 + (state.rows.indexOf(row) % (distinctDashes - 1));
  const lookOf = (row: ComparedArmRow): Look => ({
    color: curveColors[state.rows.indexOf(row) % curveColors.length]!,
    ...(row === chosen ? { bold: true } : {}),
  });
  const title: Line = [
    { text: "Mean raw reward by how bad the prompt was", bold: true },
    { text: "  0: worst prompts, 100: best; up is better", dim: true },
  ];
  const mostLegend = Math.max(1, Math.floor(height / 2) - 1);
  const legend = legendLines(state, chosen, { lookOf, dashOf, most: mostLegend }, style);
  const plotHeight = height - legend.length - 1;
  const tail = runs.find(({ tailFraction }) => tailFraction !== null)?.tailFraction ?? null;
  const plot =
    plotHeight < 4
      ? []
      : lineChart(
          {
            series: order.map((row) => ({
              xs: row.curve.map(({ x }) => 100 * x),
              ys: row.curve.map(({ y }) => y),
              look: lookOf(row),
              dash: dashOf(row),
            })),
            x: { from: 0, to: 100 },
            marker: tail === null ? null : Number((100 * tail).toPrecision(3)),
          },
          { width, height: plotHeight, style },
        );
  return [title, ...plot, ...legend];
}

/** Each arm with its ends of the curve; what does not fit is left out, never the chosen. */
function legendLines(
  { rows }: CompareState,
  chosen: ComparedArmRow,
  {
    lookOf,
    dashOf,
    most,
  }: {
    readonly lookOf: (row: ComparedArmRow) => Look;
    readonly dashOf: (row: ComparedArmRow) => number;
    readonly most: number;
  },
  style: ViewStyle,
): Line[] {
  const name = Math.max(...rows.map(({ label }) => displayWidth(plainText(label, style))));
  const place = rows.indexOf(chosen);
  const from = Math.max(0, Math.min(place - most + 1, rows.length - most));
  return rows.slice(from, from + most).map((row): Line => {
    const on = row === chosen;
    const [first, last] = [row.curve[0], row.curve.at(-1)];
    const stroke = strokeSample(dashOf(row), 6, style);
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
