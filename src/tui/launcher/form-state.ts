/** The form of a new run: its most common settings, checked at every key as `averse run --set` would. Pure. */
import { annealings } from "../../risk/annealing/registry.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import { actionOf } from "../terminal/key-table.js";
import type { KeyPress } from "../terminal/keys.js";
import { edited, editOf, type TextEdit } from "../terminal/text-edit.js";
import { formKeys } from "./key-tables.js";
import {
  type ChoiceSetting,
  choiceSettings,
  type ExperimentEntry,
  type FormCheck,
  type LauncherPorts,
  type Settings,
  type TextSetting,
  textSettings,
} from "./launcher-ports.js";

/** In the order of the screen. */
export const formFields = ["arms", ...textSettings, ...choiceSettings, "start"] as const;
export type FormField = (typeof formFields)[number];

/**
 * Those that play a part, in the order of the screen: α where a chosen arm's measure goes by it, n
 * and ρ where its schedule does. With settings that are wrong nobody can tell, and all are shown that
 * the file has a single value for.
 */
export function fieldsOf({ check, settings }: Pick<FormState, "check" | "settings">): FormField[] {
  const known = formFields.filter(
    (field) => !isTextSetting(field) || settings.keys[field] !== null,
  );
  if (!check.ok) {
    return known;
  }
  const risks = Object.values(check.experiment.arms)
    .filter(({ stage }) => stage === "rl")
    .map(({ risk }) => risk)
    .filter(({ measure }) => usesAlpha(measure));
  const reads = risks.flatMap((risk) => annealings[risk.annealing].reads(risk));
  const idle: readonly FormField[] = [
    ...(risks.length > 0 ? [] : (["alpha"] as const)),
    ...(["warmup", "rho"] as const).filter((field) => !reads.includes(field)),
  ];
  return known.filter((field) => !idle.includes(field));
}

export interface FormState {
  readonly experiment: ExperimentEntry;
  readonly settings: Settings;
  readonly arms: ReadonlySet<string>;
  /** Arm that Space takes in or out, as its place among the known. */
  readonly armCursor: number;
  readonly texts: Readonly<Record<TextSetting, TextEdit>>;
  readonly choices: Readonly<Record<ChoiceSetting, string>>;
  readonly focus: FormField;
  readonly check: FormCheck;
  /** Its run is being started: no key counts. */
  readonly starting: boolean;
  /** Why it was not started, when it was tried. */
  readonly refusal: string | null;
}

export type FormRequest =
  | { readonly kind: "back" }
  | { readonly kind: "quit" }
  | { readonly kind: "help" }
  | { readonly kind: "start"; readonly experiment: string; readonly overrides: readonly string[] };

export interface FormStep {
  readonly state: FormState;
  readonly request: FormRequest | null;
}

type Check = LauncherPorts["check"];

/** @returns null: the experiment cannot be read, so there is nothing to set */
export function openForm(experiment: ExperimentEntry, check: Check): FormState | null {
  const { settings } = experiment;
  return settings === null
    ? null
    : { ...asTheFile(experiment, settings, check), armCursor: 0, focus: "start" };
}

function asTheFile(
  experiment: ExperimentEntry,
  settings: Settings,
  check: Check,
): Omit<FormState, "armCursor" | "focus"> {
  const texts = Object.fromEntries(
    textSettings.map((setting) => [setting, editOf(settings.texts[setting])]),
  );
  return {
    experiment,
    settings,
    arms: new Set(settings.arms),
    texts: texts as Record<TextSetting, TextEdit>,
    choices: settings.choices,
    check: check(experiment.id, []),
    starting: false,
    refusal: null,
  };
}

const choiceKeys: Readonly<Record<ChoiceSetting, string>> = {
  worker: "backend.worker",
  device: "backend.device",
};

/** What was changed, as one would type it after `--set`. */
export function overridesOf(
  state: Pick<FormState, "settings" | "arms" | "texts" | "choices">,
): string[] {
  const { settings, arms, texts, choices } = state;
  const chosen = settings.knownArms.filter((arm) => arms.has(arm));
  const sameArms =
    chosen.length === settings.arms.length && settings.arms.every((arm) => arms.has(arm));
  return [
    ...(sameArms ? [] : [`arms=${chosen.length === 0 ? "[]" : chosen.join(",")}`]),
    ...textSettings.flatMap((setting) =>
      texts[setting].text === settings.texts[setting]
        ? []
        : [`${settings.keys[setting]}=${texts[setting].text}`],
    ),
    ...choiceSettings.flatMap((setting) =>
      choices[setting] === settings.choices[setting]
        ? []
        : [`${choiceKeys[setting]}=${choices[setting]}`],
    ),
  ];
}

export function afterFormKey(state: FormState, key: KeyPress, check: Check): FormStep {
  const action = actionOf(formKeys, key);
  if (action === "quit") {
    return { state, request: { kind: "quit" } };
  }
  if (state.starting) {
    return only(state);
  }
  switch (action) {
    case "help":
      return { state, request: { kind: "help" } };
    case "back":
      return { state, request: { kind: "back" } };
    case "next":
      return only({ ...state, focus: fieldBeside(state, 1) });
    case "previous":
      return only({ ...state, focus: fieldBeside(state, -1) });
    case "first":
      return only({ ...state, focus: fieldsOf(state)[0]! });
    case "last":
      return only({ ...state, focus: "start" });
    case "enter":
      return entered(state);
    case "reset":
      return only({ ...state, ...asTheFile(state.experiment, state.settings, check) });
    default:
      return inField(state, key, check);
  }
}

function only(state: FormState): FormStep {
  return { state, request: null };
}

function fieldBeside(state: FormState, by: 1 | -1): FormField {
  const fields = fieldsOf(state);
  const at = fields.indexOf(state.focus) + by;
  // Never round: below Start nothing comes.
  return fields[Math.max(0, Math.min(fields.length - 1, at))]!;
}

function entered(state: FormState): FormStep {
  if (state.focus !== "start") {
    return only({ ...state, focus: fieldBeside(state, 1) });
  }
  if (!state.check.ok) {
    return only(state);
  }
  return {
    state: { ...state, starting: true, refusal: null },
    request: { kind: "start", experiment: state.experiment.id, overrides: overridesOf(state) },
  };
}

function inField(state: FormState, key: KeyPress, check: Check): FormStep {
  const { focus } = state;
  if (isTextSetting(focus)) {
    const text = edited(state.texts[focus], key);
    return only(
      text === null ? state : changed(state, { texts: { ...state.texts, [focus]: text } }, check),
    );
  }
  if (key.kind === "character" && key.text === "q") {
    return { state, request: { kind: "back" } };
  }
  const action = actionOf(formKeys, key);
  const by = action === "left" ? -1 : action === "right" ? 1 : 0;
  if (focus === "arms") {
    return only(action === "toggle" ? toggled(state, check) : armMoved(state, by));
  }
  return only(isChoiceSetting(focus) && by !== 0 ? chosen(state, focus, by, check) : state);
}

export function isTextSetting(field: FormField): field is TextSetting {
  return (textSettings as readonly string[]).includes(field);
}

function isChoiceSetting(field: FormField): field is ChoiceSetting {
  return (choiceSettings as readonly string[]).includes(field);
}

function toggled(state: FormState, check: Check): FormState {
  const arm = state.settings.knownArms[state.armCursor];
  if (arm === undefined) {
    return state;
  }
  const arms = new Set(state.arms);
  if (!arms.delete(arm)) {
    arms.add(arm);
  }
  return changed(state, { arms }, check);
}

function armMoved(state: FormState, by: number): FormState {
  const count = state.settings.knownArms.length;
  return count === 0 ? state : { ...state, armCursor: (state.armCursor + by + count) % count };
}

function chosen(state: FormState, setting: ChoiceSetting, by: number, check: Check): FormState {
  const options = state.settings.options[setting];
  const at = options.indexOf(state.choices[setting]);
  const choice = options[(at + by + options.length) % options.length];
  return choice === undefined
    ? state
    : changed(state, { choices: { ...state.choices, [setting]: choice } }, check);
}

function changed(
  state: FormState,
  change: Partial<Pick<FormState, "arms" | "texts" | "choices">>,
  check: Check,
): FormState {
  const next = { ...state, ...change, refusal: null };
  const before = overridesOf(state);
  const overrides = overridesOf(next);
  const same = overrides.join("\n") === before.join("\n");
  return same ? next : { ...next, check: check(state.experiment.id, overrides) };
}
