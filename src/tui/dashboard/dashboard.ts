/** A view of a run on the terminal, from its first moment to its outcome. */
import type { RunCommand } from "../../engine/commands.js";
import type { RunSource } from "../../run-model/run-source.js";
import { safeText } from "../../text/safe-text.js";
import { type OpenView, openView, type ViewOptions } from "../terminal/view.js";
import { commandWords } from "./command-words.js";
import { RunFeed } from "./run-feed.js";
import type { DashboardEffect, DashboardNotice } from "./view-state.js";

export interface DashboardOptions extends Pick<ViewOptions, "stdin" | "stdout"> {
  readonly color: boolean;
  readonly unicode: boolean;
  /** Seconds since 1970; default: now. */
  readonly now?: () => number;
  /** The run as commands take it; default: its id. */
  readonly word?: string;
  /** Told of each command that this view asked for and the run took. */
  readonly onTaken?: (command: RunCommand) => void;
}

/**
 * `left`: the user left, and the run is as it was · `ended`: a run in the foreground is over, or
 * its view was closed · `stop-asked`: the user left a run in the foreground, which is stopping.
 */
export type DashboardOutcome = "left" | "ended" | "stop-asked";

export interface DashboardHandle {
  /**
   * Settles when the terminal is back as it was.
   *
   * @throws {Error} the view cannot go on; the run does
   */
  readonly outcome: Promise<DashboardOutcome>;
  /** Shows a line of the caller's; anything else that writes to the terminal tears the frame. */
  note(text: string): void;
  /**
   * Ends the view for a fault that was found elsewhere.
   *
   * @returns false: it was over
   */
  fail(error: unknown): boolean;
  /** Gives the terminal back; safe to call twice. */
  close(): void;
}

/** A view of a run, until its user leaves it or a run in the foreground is over. */
export async function runDashboard(
  source: RunSource,
  options: DashboardOptions,
): Promise<DashboardOutcome> {
  return await startDashboard(source, options).outcome;
}

export function startDashboard(source: RunSource, options: DashboardOptions): DashboardHandle {
  const { stdin, stdout, color, unicode, word = source.id } = options;
  const now = options.now ?? (() => Date.now() / 1000);
  const { promise: outcome, resolve, reject } = settled<DashboardOutcome>();
  let over = false;
  let view: OpenView | null = null;
  let feed: RunFeed | null = null;
  /** @returns false: it was over */
  const finish = (): boolean => {
    if (over) {
      return false;
    }
    over = true;
    feed?.close();
    view?.leave();
    return true;
  };
  const end = (how: DashboardOutcome): void => {
    if (finish()) {
      resolve(how);
    }
  };
  // A fault of the view ends the view, never the run.
  const fail = (error: unknown): boolean => {
    const open = finish();
    if (open) {
      reject(error);
    }
    return open;
  };
  const onEffect = async (effect: DashboardEffect): Promise<DashboardNotice | null> => {
    if (effect.kind === "leave") {
      end(source.foreground ? "ended" : "left");
      return null;
    }
    const command = effect.kind === "ask" ? effect.command : "stop";
    const notice = await asked(source, command, options.onTaken);
    if (effect.kind === "stop-and-leave") {
      end("stop-asked");
    }
    return notice;
  };
  view = openView({
    stdin,
    stdout,
    style: { color, unicode },
    endsOnSignals: !source.foreground,
    onLost: () => end("left"),
    onFault: fail,
    load: async () => {
      const { dashboardOf } = await import("./dashboard-view.js");
      return dashboardOf({ feed: feed!, word, onEffect });
    },
  });
  const onClosed = (): void => {
    if (source.foreground) {
      end("ended");
    }
  };
  try {
    feed = new RunFeed(source, now, onClosed, fail);
  } catch (error) {
    view.leave();
    throw error;
  }
  return {
    outcome,
    note: (text) => feed.note(text),
    fail,
    close: () => end("ended"),
  };
}

async function asked(
  source: RunSource,
  command: RunCommand,
  onTaken: DashboardOptions["onTaken"],
): Promise<DashboardNotice> {
  try {
    const refused = await source.ask(command);
    if (refused !== null) {
      return { level: "error", text: safeText(`not done: ${refused}`) };
    }
    onTaken?.(command);
    return { level: "info", text: commandWords[command], command };
  } catch (error) {
    return { level: "error", text: safeText(error instanceof Error ? error.message : `${error}`) };
  }
}

function settled<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
