/** The launcher's list: experiments above, runs below, what the cursor is on in words at the end. */
import { safeText } from "../../report/safe-text.js";
import type { Line, Segment, ViewStyle } from "../line.js";
import { experimentLines } from "./experiment-rows.js";
import { chosenExperiment, chosenRun, isLive, type ListState, shown } from "./list-state.js";
import { plainText } from "./plain-text.js";
import { agoText, runLines } from "./run-rows.js";
import { aroundCaret } from "./text-edit.js";

/** At most `rows` lines, in `columns` columns; lines may be wider and are cut by the caller. */
export function listLines(
  state: ListState,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  now: Date,
  style: ViewStyle,
): Line[] {
  const roomy = rows >= 18;
  const gap: Line[] = roomy ? [[]] : [];
  const filter = filterLine(state, style);
  const detail = detailLines(state, now, style).slice(0, roomy ? 3 : 1);
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

function detailLines(state: ListState, now: Date, style: ViewStyle): Line[] {
  const experiment = chosenExperiment(state);
  if (experiment !== null) {
    const [problem] = experiment.problems;
    return problem === undefined
      ? [
          [{ text: plainText(experiment.purpose, style) }],
          [
            {
              text: plainText(
                `arms ${experiment.arms.join(", ")}; seeds ${experiment.seeds.join(", ")}`,
                style,
              ),
              dim: true,
            },
          ],
        ]
      : [[{ text: plainText(problem, style), color: "red" }]];
  }
  const run = chosenRun(state);
  if (run === null) {
    return [];
  }
  const { started, message, purpose } = run;
  const begun =
    started === null
      ? ""
      : `started ${agoText(started, now)}, ${started.slice(0, 16).replace("T", " ")} UTC`;
  const bad = run.state === "failed" || run.state === "damaged";
  const said: Line[] =
    message === null || message === ""
      ? []
      : [[{ text: plainText(message, style), ...(bad ? { color: "red" as const } : {}) }]];
  const about: Line[] = purpose === "" ? [] : [[{ text: plainText(purpose, style) }]];
  return [
    ...(bad ? said : []),
    ...about,
    [{ text: begun, dim: true }],
    ...(bad || isLive(run) ? [] : said),
  ];
}
