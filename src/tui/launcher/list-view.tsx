/** The launcher's list: experiments above, runs below, what the cursor is on in words at the end. */
import { Box } from "ink";
import type { ReactElement } from "react";
import { wrapText } from "../../text/width.js";
import type { Line, Size, ViewStyle } from "../terminal/line.js";
import { Lines, Row } from "../terminal/lines.js";
import { plainText } from "../terminal/plain-text.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { aroundCaret } from "../terminal/text-edit.js";
import { experimentLines } from "./experiment-rows.js";
import {
  chosenExperiment,
  chosenRun,
  isLive,
  type ListState,
  shown,
  type Writing,
} from "./list-state.js";
import { firstLines } from "./row-pieces.js";
import { agoText, runLines } from "./run-rows.js";

/** Rows from which on lists stand apart, and the chosen entry has more than a line. */
const roomyRows = 18;

export function ListView({
  state,
  now,
  width,
  height,
}: Size & { readonly state: ListState; readonly now: Date }): ReactElement {
  const style = useViewStyle();
  const gap = height >= roomyRows ? 1 : 0;
  const filter = filterLine(state, style);
  const detail = detailLines(state, { width, height }, now, style);
  const experiments = shown(state.experiments, state.filter);
  const runs = shown(state.runs, state.filter);
  const experimentBody = experimentLines(state, experiments, width, style);
  const runBody = runLines(state, runs, width, now, style);
  const fixed = (filter === null ? 0 : 1) + detail.length + 2 + 2 * gap;
  const room = Math.max(2, height - fixed);
  const runsRoom = Math.max(1, Math.min(runBody.length, Math.ceil(room / 2)));
  const experimentRoom = Math.max(1, Math.min(experimentBody.length, room - runsRoom));
  const cursorAt = (kind: "experiment" | "run", entries: readonly { readonly id: string }[]) =>
    state.cursor?.kind === kind ? entries.findIndex(({ id }) => id === state.cursor?.id) : 0;
  const experimentRows = around(
    experimentBody,
    cursorAt("experiment", experiments),
    experimentRoom,
    style,
  );
  const runRows = around(runBody, cursorAt("run", runs), room - experimentRoom, style);
  const experimentTitle = titleOf("experiments", experiments.length, state.experiments?.length);
  const runTitle = titleOf("runs", runs.length, state.runs?.length);
  return (
    <Box flexDirection="column">
      {filter === null ? null : <Row line={filter} width={width} />}
      <Section title={[experimentTitle]} rows={experimentRows} width={width} />
      <Box flexDirection="column" marginTop={gap}>
        <Section title={[runTitle, ...markedText(state)]} rows={runRows} width={width} />
      </Box>
      <Box marginTop={gap}>
        <Lines lines={detail} width={width} height={detail.length} />
      </Box>
    </Box>
  );
}

function Section({
  title,
  rows,
  width,
}: {
  readonly title: Line;
  readonly rows: readonly Line[];
  readonly width: number;
}): ReactElement {
  return <Lines lines={[title, ...rows]} width={width} height={1 + rows.length} />;
}

function titleOf(what: string, found: number, all: number | undefined) {
  const name = what.toUpperCase();
  return {
    text: all === undefined || all === found ? name : `${name}  ${found} of ${all}`,
    bold: true,
  };
}

function markedText({ marked }: ListState): Line {
  const text = `  ${marked.length} marked: c on a marked run compares, Space unmarks, Esc clears`;
  return marked.length === 0 ? [] : [{ text, color: "cyan" }];
}

const prompts: Readonly<Record<Writing["what"], string>> = {
  title: "Title of ",
  tags: "Tags of ",
  note: "Note on ",
};

/** What is typed, or asked, stands above the lists. */
function filterLine(state: ListState, style: ViewStyle): Line | null {
  const { filter, filtering, writing, deleting } = state;
  if (deleting !== null) {
    return [
      { text: "y/n ", bold: true, inverse: true },
      { text: ` Delete ${plainText(deleting, style)} for good?`, bold: true, color: "yellow" },
    ];
  }
  if (writing !== null) {
    const [before, behind] = aroundCaret(writing.text);
    return [
      { text: `${prompts[writing.what]}${plainText(writing.run, style)}: `, bold: true },
      { text: plainText(before, style) },
      { text: style.unicode ? "▏" : "|", color: "cyan" },
      { text: plainText(behind, style) },
    ];
  }
  if (!filtering && filter.text === "") {
    return null;
  }
  const [before, behind] = aroundCaret(filter);
  const caret: Line = filtering ? [{ text: style.unicode ? "▏" : "|", color: "cyan" }] : [];
  return [{ text: "/ ", color: "cyan" }, { text: before }, ...caret, { text: behind }];
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
function detailLines(
  state: ListState,
  { width, height }: Size,
  now: Date,
  style: ViewStyle,
): Line[] {
  const { problem, facts } = detailOf(state, now, style);
  const most = Math.max(1, Math.floor(height / 2));
  const wrapped = problem.flatMap((text) => wrapText(plainText(text, style), Math.max(1, width)));
  const red = firstLines(wrapped, most).map((text): Line => [{ text, color: "red" }]);
  const room = Math.max(0, (height >= roomyRows ? 4 : 1) - red.length);
  return [...red, ...facts.slice(0, room)];
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
    const trials = `arms ${arms.join(", ")}; seeds ${seeds.join(", ")}`;
    return problems.length > 0
      ? { problem: problems, facts: [] }
      : { problem: [], facts: [[{ text: purpose }], [{ text: trials, dim: true }]] };
  }
  const run = chosenRun(state);
  if (run === null) {
    return { problem: [], facts: [] };
  }
  const { started, message, purpose, title, tags, note } = run;
  const begun =
    started === null
      ? ""
      : `started ${agoText(started, now)}, ${started.slice(0, 16).replace("T", " ")} UTC`;
  const bad = ["failed", "damaged", "incompatible"].includes(run.state);
  const said = message === null || message === "" ? [] : [message];
  return {
    problem: bad ? said : [],
    facts: [
      ...(title === "" && tags.length === 0
        ? []
        : [
            [
              { text: plainText(title, style), bold: true },
              {
                text: `${title === "" || tags.length === 0 ? "" : "  "}${tags.map((tag) => `#${plainText(tag, style)}`).join(" ")}`,
                color: "cyan" as const,
              },
            ],
          ]),
      ...(note === "" ? [] : [[{ text: plainText(note, style) }]]),
      ...(purpose === "" ? [] : [[{ text: plainText(purpose, style) }]]),
      [{ text: begun, dim: true }],
      ...(bad || isLive(run) ? [] : said.map((text) => [{ text }])),
    ],
  };
}
