/** The form of a new run, with the risk schedule that it will follow. */
import { formatDuration } from "../../text/numbers.js";
import { wrapText } from "../../text/wrapping.js";
import { besides, type Line, type Segment, type ViewStyle } from "../line.js";
import { fieldLines } from "./form-fields.js";
import { type FormState, formFields, overridesOf } from "./form-state.js";
import { pointer } from "./list-rows.js";
import { plainText } from "./plain-text.js";
import { previewLines } from "./preview-lines.js";

/** From here on the preview stands beside the settings. */
const wideFrom = 120;
const fieldsWidth = 62;
const gap = 3;
/** With fewer rows the arms get one line, and so do long messages. */
const lowRows = 18;

/** At most `rows` lines, in `columns` columns. */
export function formLines(
  state: FormState,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  style: ViewStyle,
): Line[] {
  const wide = columns >= wideFrom;
  const roomy = rows >= 26;
  const width = wide ? fieldsWidth : columns;
  const { id, purpose } = state.experiment;
  const head: Line[] = [
    [
      { text: "New run of " },
      { text: plainText(id, style), bold: true },
      { text: `  ${plainText(purpose, style)}`, dim: true },
    ],
    ...(roomy ? [[]] : []),
  ];
  const fields = formFields.flatMap((field) =>
    field === "start" ? [] : fieldLines(state, field, width, rows >= lowRows, style),
  );
  const foot = [
    ...(roomy ? [[]] : []),
    startLine(state, style),
    ...outcomeLines(state, width, rows >= lowRows ? 6 : 2, style),
  ];
  const room = Math.max(0, rows - head.length);
  if (wide) {
    const preview = previewLines(
      state.check,
      { width: columns - fieldsWidth - gap, height: room },
      style,
    );
    const left = [...fields, ...foot].slice(0, room);
    const beside = besides(
      [
        { lines: left, width: fieldsWidth },
        { lines: preview, width: columns - fieldsWidth - gap },
      ],
      gap,
      style,
    );
    return [...head, ...beside].slice(0, rows);
  }
  const body = [...fields, ...foot].slice(0, room);
  const space: Line[] = roomy ? [[]] : [];
  const left = room - body.length - space.length;
  const preview =
    left < 1 ? [] : previewLines(state.check, { width: columns, height: left }, style);
  return [...head, ...body, ...(preview.length === 0 ? [] : space), ...preview].slice(0, rows);
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
  return [pointer(focused, style), button, ...enter, { text: `  ${trials}${side}, ${time}` }];
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
  const overrides = overridesOf(state);
  if (overrides.length === 0) {
    return [];
  }
  const text = overrides.map((override) => `--set ${override}`).join(" ");
  return wrapped(plainText(text, style), width)
    .slice(0, most)
    .map((line) => [{ text: line, dim: true }]);
}

function wrapped(text: string, width: number): string[] {
  return wrapText(text, Math.max(10, width - 2)).map((line) => `  ${line}`);
}
