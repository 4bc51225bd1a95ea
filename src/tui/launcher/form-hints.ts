/** The last line of the form: what the keys do on the row of the cursor. */
import { type Hint, hintsOf } from "../terminal/key-help.js";
import type { ViewStyle } from "../terminal/line.js";
import { type FormState, isTextSetting } from "./form-state.js";
import { formKeys } from "./key-tables.js";

export function formHints(state: FormState, style: ViewStyle): Hint[] {
  const [help, back, quit] = hintsOf(formKeys, style);
  return [help!, back!, ...onRow(state, style), quit!];
}

function onRow({ focus, check, starting }: FormState, { unicode }: ViewStyle): Hint[] {
  const [up, sides] = unicode ? ["↑", "← →"] : ["Up", "Left Right"];
  const next: Hint = { label: "Enter", words: "next setting" };
  if (focus === "start") {
    const settings: Hint = { label: up!, words: "settings" };
    return check.ok && !starting
      ? [{ label: "Enter", words: "start the run" }, settings]
      : [settings];
  }
  if (focus === "arms") {
    return [{ label: sides!, words: "arm" }, { label: "Space", words: "take it in or out" }, next];
  }
  return isTextSetting(focus)
    ? [next, { label: "Ctrl-U", words: "empty it" }, { label: "PgDn", words: "to Start" }]
    : [{ label: sides!, words: "choose" }, next];
}
