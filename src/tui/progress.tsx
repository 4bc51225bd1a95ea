import { Box, Text } from "ink";
import type { ReactElement } from "react";
import type { Line, Segment, ViewStyle } from "./line.js";

export interface ProgressProps {
  /** Already cut to the terminal. */
  readonly lines: readonly Line[];
  readonly style: ViewStyle;
}

/** Draws lines as they are: everything was decided before React sees it. */
export function Progress({ lines, style }: ProgressProps): ReactElement {
  return (
    <Box flexDirection="column">
      {lines.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line's place is what it is
        <Text key={at} wrap="truncate">
          {line.map((segment, part) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: so is a segment's
            <Text key={part} {...look(segment, style)}>
              {segment.text}
            </Text>
          ))}
        </Text>
      ))}
    </Box>
  );
}

type Look = Pick<Segment, "color"> & { readonly bold?: boolean; readonly dimColor?: boolean };

function look({ bold, dim, color }: Segment, style: ViewStyle): Look {
  return style.color
    ? {
        ...(bold === undefined ? {} : { bold }),
        ...(dim === undefined ? {} : { dimColor: dim }),
        ...(color === undefined ? {} : { color }),
      }
    : {};
}
