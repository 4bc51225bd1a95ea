/** A view that has the terminal: its screen, its keys, and the component tree on it. */
import { setFlagsFromString } from "node:v8";
import type { ReactNode } from "react";
import { type KeyPress, readKeys } from "./keys.js";
import type { ViewStyle } from "./line.js";
import { enterScreen, type TerminalScreenOptions } from "./screen.js";

export interface ViewOptions
  extends Pick<TerminalScreenOptions, "stdin" | "stdout" | "endsOnSignals" | "onLost"> {
  readonly style: ViewStyle;
  /** Loads the components: Ink and React take longer to load than anything before them. */
  readonly load: () => Promise<ReactNode>;
  /** A fault of the view; it is still open. */
  readonly onFault: (error: unknown) => void;
}

export interface OpenView {
  /** The terminal is as it was. Safe to call twice. */
  leave(): void;
}

/**
 * Per cent that the heap grows by before all of it is collected. V8's own figure is up to 300 for a
 * heap as small as a view's, of which most would be what is left of frames that Ink laid out.
 */
const heapGrowth = 50;

/**
 * Enters the alternate screen at once; keys typed until the components are there wait in the
 * terminal.
 */
export function openView(options: ViewOptions): OpenView {
  const { stdin, style, endsOnSignals, onFault } = options;
  let left = false;
  let redraw = (): void => {};
  let end = (): void => {};
  const screen = enterScreen({ ...options, onDisturbed: () => redraw() });
  const mount = async (): Promise<void> => {
    // React's development build keeps a record of every render, by which a day-long view grows.
    process.env.NODE_ENV ??= "production";
    setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
    const { mountTree } = await import("./ink-view.js");
    const tree = await options.load();
    if (left) {
      return;
    }
    const view = mountTree(tree, screen, style, onFault);
    const readNoMore = readKeys(stdin, (key) => {
      // A run that lives in this process would be suspended with its view.
      if (isSuspending(key) && endsOnSignals) {
        screen.suspend();
      } else {
        view.press(key);
      }
    });
    redraw = view.redraw;
    end = () => {
      readNoMore();
      view.leave();
    };
  };
  mount().catch(onFault);
  return {
    leave: () => {
      if (!left) {
        left = true;
        end();
        screen.leave();
      }
    },
  };
}

function isSuspending(key: KeyPress): boolean {
  return key.kind === "named" && key.name === "ctrl-z";
}
