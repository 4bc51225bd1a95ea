/** The settings of the form, each on a line of its own; arms on as many as they need. */
import { pad } from "../../text/width.js";
import { flowFields, type Line, lineWidth, type Segment, type ViewStyle } from "../line.js";
import type { FormField, FormState } from "./form-state.js";
import { type ChoiceKnob, type TextKnob, textKnobs } from "./launcher-ports.js";
import { pointer } from "./list-rows.js";
import { asciiText, plainText } from "./plain-text.js";
import { aroundCaret } from "./text-edit.js";

interface Label {
  readonly name: string;
  readonly ascii: string;
  readonly meaning: string;
}

const labels: Readonly<Record<Exclude<FormField, "start">, Label>> = {
  arms: { name: "arms", ascii: "arms", meaning: "" },
  seeds: { name: "seeds", ascii: "seeds", meaning: "one trial for each arm and seed" },
  alpha: { name: "α", ascii: "alpha", meaning: "worst share of episodes that counts" },
  warmup: { name: "n", ascii: "n", meaning: "iterations 0 to n keep every episode" },
  rho: { name: "ρ", ascii: "rho", meaning: "share of M at which α is reached" },
  iterations: { name: "M", ascii: "M", meaning: "iterations" },
  worker: { name: "worker", ascii: "worker", meaning: "how the model's process is started" },
  device: { name: "device", ascii: "device", meaning: "auto: a GPU where there is one" },
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
  const label = labels[field];
  const name: Segment = {
    text: pad(style.unicode ? label.name : label.ascii, labelWidth, "left"),
    ...(focused ? { bold: true } : {}),
  };
  const head: Line = [pointer(focused, style), name];
  if (field === "arms") {
    return armLines(state, head, width, whole, style);
  }
  const value = isText(field) ? textValue(state, field, style) : choiceValue(state, field, style);
  const meaning = style.unicode ? label.meaning : asciiText(label.meaning);
  const used = lineWidth(value);
  return [
    [...head, ...value, { text: `${" ".repeat(Math.max(2, 16 - used))}${meaning}`, dim: true }],
  ];
}

function isText(field: FormField): field is TextKnob {
  return (textKnobs as readonly string[]).includes(field);
}

function textValue(state: FormState, knob: TextKnob, style: ViewStyle): Line {
  const edit = state.texts[knob];
  const changed: Partial<Segment> =
    edit.text === state.knobs.texts[knob] ? {} : { color: "yellow" };
  if (state.focus !== knob) {
    return [{ text: plainText(edit.text, style), ...changed }, ...changedMark(changed)];
  }
  const [before, behind] = aroundCaret(edit).map((text) => plainText(text, style)) as [
    string,
    string,
  ];
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

function choiceValue(state: FormState, knob: ChoiceKnob, style: ViewStyle): Line {
  const [left, right] = style.unicode ? ["‹ ", " ›"] : ["< ", " >"];
  const changed: Partial<Segment> =
    state.choices[knob] === state.knobs.choices[knob] ? {} : { color: "yellow" };
  const arrows: Partial<Segment> = state.focus === knob ? { color: "cyan" } : { dim: true };
  return [
    { text: left, ...arrows },
    { text: plainText(state.choices[knob], style), ...changed },
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
  const { knownArms, arms: asInFile } = state.knobs;
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
