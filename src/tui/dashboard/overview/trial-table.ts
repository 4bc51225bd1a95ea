/** All trials of a run, one per line: how each stands, its newest figures, how long it still takes. */
import { isAtWork, isOver, type RunModel, type TrialModel } from "../../../run-model/run-model.js";
import { trialEta } from "../../../run-model/time-left.js";
import {
  evaluationFigures,
  phaseToTell,
  trainingFigures,
} from "../../../run-model/trial-figures.js";
import { type Align, columnWidths, gridLines, gridWidth } from "../../../text/grid.js";
import { formatDuration, formatNumber } from "../../../text/numbers.js";
import { displayWidth, pad } from "../../../text/width.js";
import { strokeSample } from "../../charts/dash.js";
import { cutText, type Line, type Look, type ViewStyle } from "../../terminal/line.js";
import { modelText } from "../panels/model-text.js";

export interface TrialTableInput {
  readonly model: RunModel;
  /** Id of the trial under the cursor; null: there is none. */
  readonly selected: string | null;
  /** The arms' α, as it stands behind `CVaR`; empty: they differ. */
  readonly alpha: string;
  /** By trial: stroke and look of its curve in the chart below. */
  readonly strokes: ReadonlyMap<string, { readonly dash: number; readonly look: Look }>;
  /** Seconds since 1970. */
  readonly now: number;
}

interface Column {
  readonly title: string;
  readonly align: Align;
  /** Heading over several columns. */
  readonly group?: "newest iteration" | "newest evaluation";
  readonly cell: (trial: TrialModel) => string;
  /** Columns go in this order where there is no room; 0: never. */
  readonly goes: number;
}

/** Lines of the headings, in `trialTable`. */
export const headingLines = 2;

/** Two lines of headings and one line per trial, in the plan's order. */
export function trialTable(input: TrialTableInput, width: number, style: ViewStyle): Line[] {
  const { model, strokes, selected } = input;
  const pointer = style.unicode ? "▸ " : "> ";
  const hasStrokes = strokes.size > 1 && width >= wide;
  const strokeRoom = hasStrokes ? strokeColumns + 1 : 0;
  const left = pointer.length + strokeRoom;
  const columns = fitting(input, width - left, style);
  const aligns = columns.map(({ align }) => align);
  const rows = [
    columns.map(({ title }) => title),
    ...model.trials.map((trial) => cellsOf(trial, columns)),
  ];
  const [titles = "", ...lines] = gridLines(rows, aligns);
  const indent = " ".repeat(left);
  return [
    [{ text: indent + groupLine(columns, columnWidths(rows)), dim: true }],
    [{ text: indent + titles, dim: true }],
    ...model.trials.map((trial, at): Line => {
      const isSelected = trial.id === selected;
      const stroke = strokes.get(trial.id);
      return [
        { text: isSelected ? pointer : "  ", color: "cyan", bold: true },
        ...(hasStrokes
          ? [
              stroke === undefined
                ? { text: " ".repeat(strokeColumns + 1) }
                : { ...stroke.look, text: `${strokeSample(stroke.dash, strokeColumns, style)} ` },
            ]
          : []),
        {
          ...statusLook(trial),
          ...(isSelected ? { bold: true, inverse: true } : {}),
          text: lines[at]!,
        },
      ];
    }),
  ];
}

const strokeColumns = 6;
/** Columns from which on curves and iterations have columns of their own. */
const wide = 96;
/** Columns of the longest trial's name that are shown. */
const widestName = 28;

function columnsOf(
  { model, alpha, now }: TrialTableInput,
  isWide: boolean,
  style: ViewStyle,
): Column[] {
  const figure = (value: number | null | undefined): string =>
    formatNumber(value ?? null, 2, style);
  const over = isOver(model);
  return [
    {
      title: "trial",
      align: "left",
      goes: 0,
      cell: ({ id }) =>
        cutText(modelText(id, { revealed: true, room: widestName, style }), widestName, style),
    },
    {
      title: "state",
      align: "left",
      goes: 0,
      cell: (trial) => stateText(trial, model, isWide, style),
    },
    ...(isWide
      ? [
          {
            title: "iteration",
            align: "right" as const,
            goes: 0,
            cell: iterationText,
          },
        ]
      : []),
    {
      title: "raw reward",
      align: "right",
      group: "newest iteration",
      goes: 4,
      cell: (trial) => figure(trainingFigures(trial)?.reward),
    },
    {
      title: alpha === "" ? "CVaR" : `CVaR ${alpha}`,
      align: "right",
      group: "newest iteration",
      goes: 6,
      cell: (trial) => figure(trainingFigures(trial)?.cvar),
    },
    {
      title: "KL",
      align: "right",
      group: "newest iteration",
      goes: 3,
      cell: (trial) => figure(trainingFigures(trial)?.kl),
    },
    {
      title: "raw reward",
      align: "right",
      group: "newest evaluation",
      goes: 1,
      cell: (trial) => figure(evaluationFigures(trial)?.reward),
    },
    {
      title: "CVaR 0.1",
      align: "right",
      group: "newest evaluation",
      goes: 2,
      cell: (trial) => figure(evaluationFigures(trial)?.cvar),
    },
    {
      title: "harm %",
      align: "right",
      group: "newest evaluation",
      goes: 5,
      cell: (trial) => {
        const harm = evaluationFigures(trial)?.harm ?? null;
        return formatNumber(harm === null ? null : 100 * harm, 1, style);
      },
    },
    {
      title: over ? "took" : "left",
      align: "right",
      goes: 7,
      cell: (trial) => timeText(trial, model, now, style),
    },
  ];
}

function cellsOf(trial: TrialModel, columns: readonly Column[]): string[] {
  return columns.map(({ cell }) => cell(trial));
}

/** As many of the columns as have room; those that say least go first. */
function fitting(input: TrialTableInput, width: number, style: ViewStyle): Column[] {
  const { trials } = input.model;
  const widthOf = (some: readonly Column[]): number =>
    gridWidth(
      columnWidths([
        some.map(({ title }) => title),
        ...trials.map((trial) => cellsOf(trial, some)),
      ]),
    );
  let columns = columnsOf(input, width >= wide, style);
  const last = Math.max(...columns.map(({ goes }) => goes));
  for (let next = 1; next <= last && widthOf(columns) > width; next += 1) {
    columns = columns.filter(({ goes }) => goes !== next);
  }
  return columns;
}

function iterationText({ iterations, steps }: TrialModel): string {
  return iterations === 0 ? "" : `${steps.length}/${iterations}`;
}

/** Each group's name over the first of its columns. */
function groupLine(columns: readonly Column[], widths: readonly number[]): string {
  let line = "";
  let at = 0;
  let before: string | undefined;
  columns.forEach(({ group }, column) => {
    if (group !== undefined && group !== before) {
      const room = columns.reduce(
        (sum, other, place) => (other.group === group ? sum + widths[place]! + 2 : sum),
        -2,
      );
      const short = group.replace("newest ", "");
      const name = displayWidth(group) <= room ? group : displayWidth(short) <= room ? short : "";
      line = pad(line, at, "left") + pad(name, room, "right");
    }
    before = group;
    at += widths[column]! + 2;
  });
  return line;
}

const signs: Readonly<Record<TrialModel["status"], readonly [unicode: string, ascii: string]>> = {
  waiting: ["·", "."],
  starting: ["▶", ">"],
  running: ["▶", ">"],
  done: ["✓", "+"],
  failed: ["✗", "x"],
  interrupted: ["‖", "="],
  dropped: ["–", "-"],
};

/** @param isWide the iteration has a column of its own */
function stateText(trial: TrialModel, model: RunModel, isWide: boolean, style: ViewStyle): string {
  const { status } = trial;
  const working = status === "running" || status === "starting";
  if (working && isOver(model)) {
    return `${style.unicode ? "◼" : "#"} stopped`;
  }
  if (working && model.state === "paused" && !isAtWork(model, trial)) {
    return `${style.unicode ? "‖" : "="} paused`;
  }
  const phase = working ? phaseToTell(trial) : null;
  const words =
    phase !== null
      ? modelText(phase, { revealed: true, room: 20, style })
      : working && !isWide && trial.iterations > 0
        ? iterationText(trial)
        : status;
  return `${signs[status][style.unicode ? 0 : 1]} ${words}`;
}

function statusLook({ status }: TrialModel): Look {
  switch (status) {
    case "failed":
      return { color: "red" };
    case "interrupted":
      return { color: "yellow" };
    case "waiting":
    case "dropped":
      return { dim: true };
    default:
      return {};
  }
}

/** What it still takes; once the run is over, what it took. */
function timeText(trial: TrialModel, model: RunModel, now: number, style: ViewStyle): string {
  const { startedAt, endedAt } = trial;
  if (endedAt !== null && startedAt !== null) {
    return isOver(model) ? formatDuration(endedAt - startedAt, style) : "";
  }
  const left = model.state === "running" ? trialEta(trial, now) : null;
  return left === null ? formatNumber(null, 0, style) : formatDuration(left, style);
}
