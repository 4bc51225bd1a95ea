/** Lines as Ink draws them. */
import { Box, Text } from "ink";
import type { ReactElement } from "react";
import type { Line, ViewStyle } from "./line.js";
import { styledText } from "./styled-text.js";

export interface LineViewProps {
  /** Cut to the terminal already. */
  readonly lines: readonly Line[];
  readonly style: ViewStyle;
}

/** Draws lines as they are: everything was decided before React sees it. */
export function LineView({ lines, style }: LineViewProps): ReactElement {
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
