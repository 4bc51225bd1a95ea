/** Lines as Ink draws them, and the keys that it reads. */
import { Box, Text, useInput } from "ink";
import type { ReactElement } from "react";
import { type KeyPress, keyPresses } from "./key-press.js";
import type { Line, ViewStyle } from "./line.js";
import { styledText } from "./styled-text.js";

export interface LineViewProps {
  /** Cut to the terminal already. */
  readonly lines: readonly Line[];
  readonly style: ViewStyle;
  /** The same function in every frame: a new one is a new subscription. */
  readonly onKey: (key: KeyPress) => void;
  /** False: keys are not read, as without a terminal to read them from. */
  readonly keys: boolean;
}

/** Draws lines as they are: everything was decided before React sees it. */
export function LineView({ lines, style, onKey, keys }: LineViewProps): ReactElement {
  useInput((input, key) => typedKeys(input, key).forEach(onKey), { isActive: keys });
  return (
    <Box flexDirection="column">
      {lines.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line's place is what it is
        <Text key={at} wrap="truncate">
          {styledText(line, style) || " "}
        </Text>
      ))}
    </Box>
  );
}

/** Pressed fast, these come in one text with others, and Ink knows them only when alone. */
const controls: ReadonlyMap<string, KeyPress> = new Map([
  ["\u0003", { kind: "named", name: "ctrl-c" }],
  ["\u0008", { kind: "named", name: "backspace" }],
  ["\u0009", { kind: "named", name: "tab" }],
  ["\u007f", { kind: "named", name: "backspace" }],
]);

export function typedKeys(input: string, key: Parameters<typeof keyPresses>[1]): KeyPress[] {
  if (input.length < 2 || key.ctrl || key.tab) {
    return keyPresses(input, key);
  }
  const presses: KeyPress[] = [];
  let text = "";
  const flush = (): void => {
    presses.push(...(text === "" ? [] : keyPresses(text, key)));
    text = "";
  };
  for (const character of input) {
    const control = controls.get(character);
    if (control === undefined) {
      text += character;
    } else {
      flush();
      presses.push(control);
    }
  }
  flush();
  return presses;
}
