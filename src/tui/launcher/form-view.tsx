/** The form of a new run, with the risk schedule that it will follow. */
import { Box } from "ink";
import type { ReactElement } from "react";
import { algorithmWords } from "../../analysis/arm-risk.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { formatDuration } from "../../text/numbers.js";
import { wrapText } from "../../text/width.js";
import type { Line, Segment, Size, ViewStyle } from "../terminal/line.js";
import { Lines, Row } from "../terminal/lines.js";
import { plainText } from "../terminal/plain-text.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { fieldLines } from "./form-fields.js";
import { type FormState, fieldsOf, overridesOf } from "./form-state.js";
import { pointer } from "./row-pieces.js";
import { ScheduleChart } from "./schedule-chart.js";
import { scheduleCurves } from "./schedule-preview.js";

/** From here on the schedule stands beside the settings. */
const wideFrom = 120;
const fieldsWidth = 62;
const gap = 3;
/** With fewer rows the arms get one line, and so do long messages. */
const lowRows = 18;
const roomyRows = 26;

export function FormView({
  state,
  width,
  height,
}: Size & { readonly state: FormState }): ReactElement {
  const style = useViewStyle();
  const isWide = width >= wideFrom;
  const space = height >= roomyRows ? 1 : 0;
  const left = isWide ? fieldsWidth : width;
  const { id, purpose } = state.experiment;
  const title: Line = [
    { text: "New run of " },
    { text: id, bold: true },
    { text: `  ${purpose}`, dim: true },
  ];
  const isLow = height < lowRows;
  const room = Math.max(0, height - 1 - space);
  const below = [
    ...(space === 0 ? [] : [[]]),
    startLine(state, style),
    ...warningLines(state, left, isLow ? 1 : 3, style),
    ...outcomeLines(state, left, isLow ? 2 : 6, style),
  ];
  const lines = [...settingLines(state, left, room - below.length, style), ...below];
  const rows = Math.min(lines.length, room);
  const rest = room - rows - space;
  return (
    <Box flexDirection="column">
      <Row line={title} width={width} />
      <Box
        marginTop={space}
        columnGap={gap}
        rowGap={space}
        flexDirection={isWide ? "row" : "column"}
      >
        <Lines lines={lines} width={left} height={rows} />
        {isWide ? (
          <ScheduleChart check={state.check} width={width - left - gap} height={room} />
        ) : (
          <ScheduleChart check={state.check} width={width} height={rest} />
        )}
      </Box>
    </Box>
  );
}

/** All of them, or those round the cursor; the first and the last line say how many there are beside. */
function settingLines(state: FormState, width: number, room: number, style: ViewStyle): Line[] {
  const fields = fieldsOf(state).filter((field) => field !== "start");
  const linesOf = (whole: boolean): Line[][] =>
    fields.map((field) => fieldLines(state, field, width, whole, style));
  const whole = linesOf(true);
  if (whole.flat().length <= room) {
    return whole.flat();
  }
  const lines = linesOf(false).flat();
  const most = Math.max(1, room);
  if (lines.length <= most) {
    return lines;
  }
  const at = state.focus === "start" ? -1 : fields.indexOf(state.focus);
  const cursor = at < 0 ? lines.length - 1 : at;
  const from = Math.max(0, Math.min(cursor - Math.floor(most / 2), lines.length - most));
  const shown = lines.slice(from, from + most);
  const [above, behind] = [from, lines.length - from - shown.length];
  const mark = style.unicode ? "⋮" : ":";
  const more = (count: number): Line => [{ text: `  ${mark} ${count + 1} more`, dim: true }];
  return shown.map((line, row) =>
    row === 0 && above > 0 && most > 2
      ? more(above)
      : row === shown.length - 1 && behind > 0 && most > 2
        ? more(behind)
        : line,
  );
}

/** Where α is never reached, by arm. */
function warningLines(state: FormState, width: number, most: number, style: ViewStyle): Line[] {
  const { check } = state;
  if (!check.ok) {
    return [];
  }
  return scheduleCurves(check.experiment)
    .flatMap(({ arms, warning }) => (warning === null ? [] : [`! ${arms.join(", ")}: ${warning}`]))
    .flatMap((text) => wrapped(plainText(text, style), width))
    .slice(0, most)
    .map((text): Line => [{ text, color: "yellow" }]);
}

function startLine(state: FormState, style: ViewStyle): Line {
  const focused = state.focus === "start";
  const { check, starting } = state;
  const button: Segment = {
    text: starting ? "Starting" : "Start",
    ...(focused && check.ok ? { bold: true, color: "green" } : { dim: true }),
  };
  const enter: Line = focused && check.ok && !starting ? [{ text: "  Enter", color: "cyan" }] : [];
  if (!check.ok) {
    return [pointer(focused, style), button, { text: "  not with these settings:", color: "red" }];
  }
  const side = check.parallel > 1 ? `, ${check.parallel} side by side` : "";
  const time =
    check.seconds === null ? "no estimate yet" : `about ${formatDuration(check.seconds, style)}`;
  const trials = `${check.trials} ${check.trials === 1 ? "trial" : "trials"}`;
  return [
    pointer(focused, style),
    button,
    ...enter,
    { text: `  ${trials}${side}, ${time}${algorithms(check.experiment)}` },
  ];
}

/** Those of its arms, where they are not all PPO with one completion per prompt. */
function algorithms({ arms }: Experiment): string {
  const trained = Object.values(arms).filter(({ stage }) => stage === "rl");
  const words = [...new Set(trained.map(algorithmWords))];
  return words.every((one) => one === "ppo") ? "" : ` (${words.join("; ")})`;
}

/** Why it cannot start, or what `averse run` would be told. */
function outcomeLines(state: FormState, width: number, most: number, style: ViewStyle): Line[] {
  const { check, refusal } = state;
  const problems = refusal !== null ? [refusal] : check.ok ? [] : check.problems;
  if (problems.length > 0) {
    const lines = problems.flatMap((problem) => wrapped(plainText(problem, style), width));
    const shown = lines.slice(0, most).map((text): Line => [{ text, color: "red" }]);
    const left = lines.length - shown.length;
    return left === 0 || most < 3
      ? shown
      : [...shown.slice(0, -1), [{ text: `  and ${left + 1} more lines`, dim: true }]];
  }
  const text = overridesOf(state)
    .map((override) => `--set ${override}`)
    .join(" ");
  return text === ""
    ? []
    : wrapped(plainText(text, style), width)
        .slice(0, most)
        .map((line) => [{ text: line, dim: true }]);
}

function wrapped(text: string, width: number): string[] {
  return wrapText(text, Math.max(10, width - 2)).map((line) => `  ${line}`);
}
