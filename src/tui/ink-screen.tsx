/**
 * The alternate screen with Ink in it: Ink lays a frame out, rows are written and keys read here.
 * Ink's own reading of keys throws at some that it does not know, and knows no paste.
 */
import { EventEmitter } from "node:events";
import { render } from "ink";
import type { KeyPress } from "./key-press.js";
import { readKeys } from "./key-reader.js";
import type { Line, ViewStyle } from "./line.js";
import { LineView } from "./line-view.js";
import { enterScreen, type TerminalScreen, type TerminalScreenOptions } from "./terminal-screen.js";

export interface InkView {
  draw(lines: readonly Line[]): void;
  /** The screen is as it was. Safe to call twice. */
  leave(): void;
}

/** Puts Ink on a screen that is open. @throws {Error} Ink cannot start */
export function attachInk(screen: TerminalScreen, style: ViewStyle): InkView {
  const sink = new FrameSink(screen.size());
  const frame = (lines: readonly Line[]) => <LineView lines={lines} style={style} />;
  const instance = render(frame([]), {
    stdout: sink as unknown as NodeJS.WriteStream,
    // Every frame comes whole, in one write: which rows of it are new is found out by the screen,
    // for Ink's own incremental rendering moves the cursor by lines and can drift.
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  return {
    draw: (lines) => {
      sink.resize(screen.size());
      instance.rerender(frame(lines));
      screen.draw(sink.frame.split("\n"));
    },
    leave: () => instance.unmount(),
  };
}

export interface InkScreenOptions extends TerminalScreenOptions {
  readonly style: ViewStyle;
  readonly onKey: (key: KeyPress) => void;
}

export interface InkScreen extends InkView {
  size(): { readonly columns: number; readonly rows: number };
}

/**
 * Enters the alternate screen with Ink on it; `leave` gives the terminal back as it was.
 *
 * @throws {Error} Ink cannot start; the terminal is as it was
 */
export function openInkScreen(options: InkScreenOptions): InkScreen {
  const screen = enterScreen(options);
  try {
    const ink = attachInk(screen, options.style);
    const readNoMore = readKeys(options.stdin, options.onKey);
    return {
      size: () => screen.size(),
      draw: ink.draw,
      leave: () => {
        readNoMore();
        ink.leave();
        screen.leave();
      },
    };
  } catch (error) {
    screen.leave();
    throw error;
  }
}

/**
 * What Ink takes for its terminal: it keeps the last frame. A terminal that fails must not fail in
 * the middle of React's work, which no later view in this process would survive.
 */
class FrameSink extends EventEmitter {
  readonly isTTY = false;
  columns = 0;
  rows = 0;
  frame = "";

  constructor(size: { readonly columns: number; readonly rows: number }) {
    super();
    this.resize(size);
  }

  resize({ columns, rows }: { readonly columns: number; readonly rows: number }): void {
    this.columns = columns;
    this.rows = rows;
  }

  write(frame: string): boolean {
    this.frame = frame;
    return true;
  }
}
