/** The settings of the form, each on a line of its own; arms on as many as they need. */
import { pad } from "../../text/width.js";
import {
  flowFields,
  type Line,
  lineWidth,
  type Segment,
  type ViewStyle,
} from "../terminal/line.js";
import { plainText } from "../terminal/plain-text.js";
import { aroundCaret } from "../terminal/text-edit.js";
import { type FormField, type FormState, isTextSetting } from "./form-state.js";
import type { ChoiceSetting, TextSetting } from "./launcher-ports.js";
import { pointer } from "./row-pieces.js";

const labels: Readonly<
  Record<Exclude<FormField, "start">, readonly [name: string, meaning: string]>
> = {
  arms: ["arms", ""],
  seeds: ["seeds", "one trial for each arm and seed"],
  alpha: ["α", "worst fraction that counts"],
  warmup: ["n", "iterations 1 to n + 1 keep all"],
  rho: ["ρ", "fraction of M until α is reached"],
  iterations: ["M", "iterations"],
  beta: ["β", "weight of the KL at the start"],
  learningRate: ["lr", "learning rate of the policy"],
  batch: ["batch", "episodes per iteration"],
  completions: ["compl.", "completions per prompt"],
  data: ["data", "builtin, file, folder or hub id"],
  model: ["model", "policy: builtin, folder or hub id"],
  reward: ["reward", "its model: builtin, folder, hub id"],
  parallel: ["trials", "in parallel; 0: by cores and GPUs"],
  worker: ["backend", "where the worker runs"],
  device: ["device", "auto: a GPU where there is one"],
};

const labelWidth = 8;

/** One setting: its name, its value under the cursor or not, what it means. */
export function fieldLines(
  state: FormState,
  field: Exclude<FormField, "start">,
  width: number,
  whole: boolean,
  style: ViewStyle,
): Line[] {
  const focused = state.focus === field;
  const [label, meaning] = labels[field].map((text) => plainText(text, style)) as [string, string];
  const name: Segment = {
    text: pad(label, labelWidth, "left"),
    ...(focused ? { bold: true } : {}),
  };
  const head: Line = [pointer(focused, style), name];
  if (field === "arms") {
    return armLines(state, head, width, whole, style);
  }
  const value = isTextSetting(field)
    ? textValue(state, field, style)
    : choiceValue(state, field, style);
  const used = lineWidth(value);
  const line: Line = [
    ...head,
    ...value,
    { text: `${" ".repeat(Math.max(2, 16 - used))}${meaning}`, dim: true },
  ];
  // A long value leaves no room for what it means.
  return [lineWidth(line) <= width ? line : [...head, ...value]];
}

function textValue(state: FormState, setting: TextSetting, style: ViewStyle): Line {
  const edit = state.texts[setting];
  const changed: Partial<Segment> =
    edit.text === state.settings.texts[setting] ? {} : { color: "yellow" };
  if (state.focus !== setting) {
    return [{ text: plainText(edit.text, style), ...changed }, ...changedMark(changed)];
  }
  const [before, behind] = aroundCaret(edit);
  return [
    { text: before, ...changed },
    { text: style.unicode ? "▏" : "|", color: "cyan" },
    { text: behind, ...changed },
    ...changedMark(changed),
  ];
}

/** Colour is never the only sign. */
function changedMark(changed: Partial<Segment>): Line {
  return changed.color === undefined ? [] : [{ text: " *", ...changed }];
}

function choiceValue(state: FormState, setting: ChoiceSetting, style: ViewStyle): Line {
  const [left, right] = style.unicode ? ["‹ ", " ›"] : ["< ", " >"];
  const changed: Partial<Segment> =
    state.choices[setting] === state.settings.choices[setting] ? {} : { color: "yellow" };
  const arrows: Partial<Segment> = state.focus === setting ? { color: "cyan" } : { dim: true };
  return [
    { text: left, ...arrows },
    { text: plainText(state.choices[setting], style), ...changed },
    { text: right, ...arrows },
    ...changedMark(changed),
  ];
}

function armLines(
  state: FormState,
  head: Line,
  width: number,
  whole: boolean,
  style: ViewStyle,
): Line[] {
  const { knownArms, arms: asInFile } = state.settings;
  const boxes = knownArms.map((arm, at): Line => {
    const taken = state.arms.has(arm);
    const pointed = state.focus === "arms" && at === state.armCursor;
    return [
      {
        text: `[${taken ? "x" : " "}] ${plainText(arm, style)}`,
        ...(pointed ? { inverse: true, bold: true } : {}),
        ...(taken === asInFile.includes(arm) ? {} : { color: "yellow" as const }),
      },
      ...(pointed ? [{ text: style.unicode ? "◂" : "<", color: "cyan" as const }] : []),
    ];
  });
  const indent = lineWidth(head);
  const flowed = flowFields(boxes, width, indent).map((line) => line.slice(1));
  // On a low terminal one line of arms is shown: that with the cursor.
  const at = flowed.findIndex((line) => line.some(({ inverse }) => inverse === true));
  const shown = whole ? flowed : flowed.slice(Math.max(0, at), Math.max(0, at) + 1);
  return shown.map((line, row) => [
    ...(row === 0 ? head : [{ text: " ".repeat(indent) }]),
    ...line,
    ...(whole || flowed.length === 1 ? [] : [{ text: style.unicode ? "  …" : "  ...", dim: true }]),
  ]);
}
