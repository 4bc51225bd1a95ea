/** The terminal as Ink holds it. Loaded only when there is something to show on one. */
import { type Instance, render, useStdout } from "ink";
import { type ReactElement, useEffect } from "react";
import type { Line, ViewStyle } from "./line.js";
import { Progress } from "./progress.js";

export interface Screen {
  draw(lines: readonly Line[]): void;
  /** Writes above the frame, which is drawn again below. */
  print(text: string): void;
  /** Leaves the last frame where it is and the cursor behind it, visible. */
  leave(): Promise<void>;
}

/**
 * No incremental rendering: in ink 6.8 frames of changing height drift up the terminal with it.
 * Keys are not read, so Ctrl-C stays a signal. Ink restores the terminal itself when the process
 * exits in any other way.
 */
export function openScreen(stdout: NodeJS.WriteStream, style: ViewStyle): Screen {
  let write: (text: string) => void = (text) => void stdout.write(text);
  const keepWriter = (given: (text: string) => void): void => {
    write = given;
  };
  const frame = (lines: readonly Line[]): ReactElement => (
    <Frame lines={lines} style={style} onWriter={keepWriter} />
  );
  const instance: Instance = render(frame([]), {
    stdout,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 12,
  });
  return {
    draw: (lines) => instance.rerender(frame(lines)),
    print: (text) => write(`${text}\n`),
    leave: async () => {
      const left = instance.waitUntilExit();
      instance.unmount();
      await left;
    },
  };
}

interface FrameProps {
  readonly lines: readonly Line[];
  readonly style: ViewStyle;
  readonly onWriter: (write: (text: string) => void) => void;
}

function Frame({ lines, style, onWriter }: FrameProps): ReactElement {
  const { write } = useStdout();
  useEffect(() => {
    onWriter(write);
  }, [onWriter, write]);
  return <Progress lines={lines} style={style} />;
}
