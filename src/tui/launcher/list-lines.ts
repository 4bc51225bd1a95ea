/** The launcher's list: experiments above, runs below, what the cursor is on in words at the end. */
import { safeText } from "../../text/safe-text.js";
import { wrapText } from "../../text/wrapping.js";
import type { Line, Segment, ViewStyle } from "../line.js";
import { experimentLines } from "./experiment-rows.js";
import { chosenExperiment, chosenRun, isLive, type ListState, shown } from "./list-state.js";
import { plainText } from "./plain-text.js";
import { agoText, runLines } from "./run-rows.js";
import { aroundCaret } from "./text-edit.js";

/** Rows from which on lists stand apart, and the chosen entry has more than a line. */
const roomyRows = 18;

/** At most `rows` lines, in `columns` columns; lines may be wider and are cut by the caller. */
export function listLines(
  state: ListState,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  now: Date,
  style: ViewStyle,
): Line[] {
  const roomy = rows >= roomyRows;
  const gap: Line[] = roomy ? [[]] : [];
  const filter = filterLine(state, style);
  const detail = shownDetail(state, { columns, rows }, now, style);
  const experiments = shown(state.experiments, state.filter);
  const runs = shown(state.runs, state.filter);
  const runBody = runLines(state, runs, columns, now, style);
  const experimentBody = experimentLines(state, experiments, columns, style);
  const fixed = filter.length + detail.length + 2 + 2 * gap.length;
  const room = Math.max(2, rows - fixed);
  const runsRoom = Math.max(1, Math.min(runBody.length, Math.ceil(room / 2)));
  const experimentRoom = Math.max(1, Math.min(experimentBody.length, room - runsRoom));
  const cursorAt = (kind: "experiment" | "run", entries: readonly { readonly id: string }[]) =>
    state.cursor?.kind === kind ? entries.findIndex(({ id }) => id === state.cursor?.id) : 0;
  return [
    ...filter,
    [{ text: title("experiments", experiments.length, state.experiments?.length), bold: true }],
    ...around(experimentBody, cursorAt("experiment", experiments), experimentRoom, style),
    ...gap,
    [{ text: title("runs", runs.length, state.runs?.length), bold: true }, ...markedText(state)],
    ...around(runBody, cursorAt("run", runs), room - experimentRoom, style),
    ...gap,
    ...detail,
  ].slice(0, rows);
}

function title(what: string, found: number, all: number | undefined): string {
  const name = what.toUpperCase();
  return all === undefined || all === found ? name : `${name}  ${found} of ${all}`;
}

function markedText({ marked }: ListState): Segment[] {
  if (marked.length === 0) {
    return [];
  }
  const text = `  ${marked.length} marked: c on a marked run compares, Space unmarks, Esc clears`;
  return [{ text, color: "cyan" }];
}

function filterLine({ filter, filtering }: ListState, style: ViewStyle): Line[] {
  if (!filtering && filter.text === "") {
    return [];
  }
  const [before, behind] = aroundCaret(filter).map((text) => safeText(text)) as [string, string];
  const caret: Line = filtering ? [{ text: style.unicode ? "▏" : "|", color: "cyan" }] : [];
  return [[{ text: "/ ", color: "cyan" }, { text: before }, ...caret, { text: behind }]];
}

/** As many lines as fit, the cursor's among them; the last tells how many are left out. */
function around(lines: readonly Line[], cursor: number, room: number, style: ViewStyle): Line[] {
  if (lines.length <= room) {
    return [...lines];
  }
  const most = Math.max(1, room - 1);
  const from = Math.min(Math.max(0, cursor - most + 1), lines.length - most);
  const left = lines.length - most;
  const rest: Line = [{ text: `    ${style.unicode ? "⋮" : ":"} ${left} more`, dim: true }];
  return [...lines.slice(from, from + most), ...(room > 1 ? [rest] : [])];
}

/** Why something cannot be started or has failed is shown whole, for half of the rows at most. */
function shownDetail(
  state: ListState,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  now: Date,
  style: ViewStyle,
): Line[] {
  const { problem, facts } = detailOf(state, now, style);
  const most = Math.max(1, Math.floor(rows / 2));
  const wrapped = problem.flatMap((text) => wrapText(plainText(text, style), columns));
  const red = (text: string): Line => [{ text, color: "red" }];
  const shown =
    wrapped.length <= most
      ? wrapped.map(red)
      : [...wrapped.slice(0, most - 1).map(red), red(wrapped.slice(most - 1).join(" "))];
  return [...shown, ...facts.slice(0, Math.max(0, (rows >= roomyRows ? 3 : 1) - shown.length))];
}

interface Detail {
  /** Untrusted. */
  readonly problem: readonly string[];
  readonly facts: readonly Line[];
}

function detailOf(state: ListState, now: Date, style: ViewStyle): Detail {
  const experiment = chosenExperiment(state);
  if (experiment !== null) {
    const { purpose, arms, seeds, problems } = experiment;
    const trials = plainText(`arms ${arms.join(", ")}; seeds ${seeds.join(", ")}`, style);
    return problems.length > 0
      ? { problem: problems, facts: [] }
      : {
          problem: [],
          facts: [[{ text: plainText(purpose, style) }], [{ text: trials, dim: true }]],
        };
  }
  const run = chosenRun(state);
  if (run === null) {
    return { problem: [], facts: [] };
  }
  const { started, message, purpose } = run;
  const begun =
    started === null
      ? ""
      : `started ${agoText(started, now)}, ${started.slice(0, 16).replace("T", " ")} UTC`;
  const bad = ["failed", "damaged", "incompatible"].includes(run.state);
  const said = message === null || message === "" ? [] : [message];
  return {
    problem: bad ? said : [],
    facts: [
      ...(purpose === "" ? [] : [[{ text: plainText(purpose, style) }]]),
      [{ text: begun, dim: true }],
      ...(bad || isLive(run) ? [] : said.map((text) => [{ text: plainText(text, style) }])),
    ],
  };
}
