/** What components know of the terminal that they are on. */
import { createContext, useContext, useLayoutEffect, useRef } from "react";
import type { KeyPress } from "./keys.js";
import type { ViewStyle } from "./line.js";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalOfView {
  readonly size: TerminalSize;
  readonly style: ViewStyle;
  /** @returns takes the listener back */
  readonly onKey: (listener: (key: KeyPress) => void) => () => void;
}

const TerminalContext = createContext<TerminalOfView | null>(null);

export const TerminalProvider = TerminalContext.Provider;

function useTerminal(): TerminalOfView {
  const terminal = useContext(TerminalContext);
  if (terminal === null) {
    throw new Error("a component of a view stands outside of a TerminalProvider");
  }
  return terminal;
}

/** Columns and rows now; the component is drawn anew when they change. */
export function useTerminalSize(): TerminalSize {
  return useTerminal().size;
}

export function useViewStyle(): ViewStyle {
  return useTerminal().style;
}

/** Calls the newest handler for each key. */
export function useKeys(handler: (key: KeyPress) => void): void {
  const { onKey } = useTerminal();
  const newest = useRef(handler);
  useLayoutEffect(() => {
    newest.current = handler;
  });
  useLayoutEffect(() => onKey((key) => newest.current(key)), [onKey]);
}
