/**
 * A component tree on a screen that is open: Ink lays it out, the screen writes the rows that
 * changed. Loaded when the first view needs it; a command without one does not wait for Ink.
 */
import { EventEmitter } from "node:events";
import { render } from "ink";
import { Component, type ReactNode } from "react";
import type { KeyPress } from "./keys.js";
import type { ViewStyle } from "./line.js";
import type { TerminalScreen } from "./screen.js";
import { TerminalProvider, type TerminalSize } from "./terminal-context.js";

export interface InkView {
  /** Passes a key on to the components. */
  press(key: KeyPress): void;
  /** The terminal has another size, or does not show what was drawn on it. */
  redraw(): void;
  /** No component is left. Safe to call twice. */
  leave(): void;
}

/**
 * @param onFault told of what a component or the terminal throws, once React is done with it
 * @throws {Error} Ink cannot start
 */
export function mountTree(
  tree: ReactNode,
  screen: TerminalScreen,
  style: ViewStyle,
  onFault: (error: unknown) => void,
): InkView {
  const listeners = new Set<(key: KeyPress) => void>();
  const onKey = (listener: (key: KeyPress) => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  let left = false;
  let drawing = false;
  // A terminal that fails must not fail in the middle of React's work, which no later view in this
  // process would survive. And of frames that follow one another at once the last is enough.
  const drawSoon = (): void => {
    if (!drawing) {
      drawing = true;
      queueMicrotask(() => {
        drawing = false;
        guarded(draw);
      });
    }
  };
  const draw = (): void => {
    if (!left) {
      screen.draw(sink.frame.split("\n"));
    }
  };
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      onFault(error);
    }
  };
  const sink = new FrameSink(drawSoon);
  const element = (size: TerminalSize): ReactNode => (
    <FaultBoundary onFault={(error) => queueMicrotask(() => onFault(error))}>
      <TerminalProvider value={{ size, style, onKey }}>{tree}</TerminalProvider>
    </FaultBoundary>
  );
  const sized = (): ReactNode => {
    const size = screen.size();
    sink.columns = size.columns;
    sink.rows = size.rows;
    return element(size);
  };
  const instance = render(sized(), {
    stdout: sink as unknown as NodeJS.WriteStream,
    // Every frame comes whole, in one write: which rows of it are new is found out by the screen,
    // for Ink's own incremental rendering moves the cursor by lines and can drift.
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  return {
    press: (key) =>
      guarded(() => {
        for (const listener of [...listeners]) {
          listener(key);
        }
      }),
    redraw: () => {
      instance.rerender(sized());
      drawSoon();
    },
    leave: () => {
      left = true;
      instance.unmount();
    },
  };
}

/** Nothing is drawn any more once a component has failed: its view ends. */
class FaultBoundary extends Component<{
  readonly onFault: (error: unknown) => void;
  readonly children: ReactNode;
}> {
  override readonly state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onFault(error);
  }

  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}

/** What Ink takes for its terminal: it keeps the last frame. */
class FrameSink extends EventEmitter {
  readonly isTTY = false;
  columns = 0;
  rows = 0;
  frame = "";

  constructor(private readonly onFrame: () => void) {
    super();
  }

  write(frame: string): boolean {
    this.frame = frame;
    this.onFrame();
    return true;
  }
}
