/**
 * The whole terminal for one view: its alternate screen, on which only rows that changed are
 * written, and the way back to the normal one after any exit.
 */

export interface TerminalScreenOptions {
  /** A terminal. */
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /**
   * Whether signals that end a process are this screen's to handle: true where nobody else handles
   * them, false where they ask a run to stop and the view goes on.
   */
  readonly endsOnSignals: boolean;
  /** What the terminal shows is not what was drawn any more: after a resize, or a pause by Ctrl-Z. */
  readonly onDisturbed: () => void;
  /** The terminal is gone; nothing more is written. */
  readonly onLost: () => void;
  /** Signals and the process's end come from here. */
  readonly process?: NodeJS.Process;
}

export interface TerminalScreen {
  /** Columns and rows now. */
  size(): { readonly columns: number; readonly rows: number };
  /** Shows these rows from the top, with colours in them; rows below are empty. */
  draw(rows: readonly string[]): void;
  /** The next `draw` writes every row. */
  forget(): void;
  /** Back to the normal screen and to the shell, until it lets the process go on. */
  suspend(): void;
  /** Back to the normal screen; safe to call twice. */
  leave(): void;
}

/** Alternate screen · no cursor · long lines are cut, not wrapped · pastes in brackets · empty. */
const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[?2004h\u001b[0m\u001b[2J\u001b[H";
/** The reverse, whatever was being written. */
const exit = "\u001b[?2026l\u001b[?2004l\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";
/** Terminals that know these show what is between them at once; others pass over them. */
const begin = "\u001b[?2026h";
const end = "\u001b[?2026l";

const endingSignals = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;
const sizeIfUnknown = { columns: 80, rows: 24 };

/** Enters the alternate screen at once; keys are kept until somebody reads them, and not echoed. */
export function enterScreen(options: TerminalScreenOptions): TerminalScreen {
  return new AlternateScreen(options);
}

class AlternateScreen implements TerminalScreen {
  readonly #process: NodeJS.Process;
  /** As they stand on the screen. */
  #rows: readonly string[] | null = null;
  #left = false;
  #lost = false;
  /** The shell has the terminal. */
  #suspended = false;
  readonly #onExit = (): void => this.leave();
  readonly #onSignal = (signal: NodeJS.Signals): void => this.#end(signal);
  readonly #onContinue = (): void => {
    if (this.#left) {
      return;
    }
    this.#suspended = false;
    this.#write(enter);
    if (this.options.stdin.isTTY) {
      // The shell has set the terminal as it likes it.
      this.options.stdin.setRawMode(false);
      this.options.stdin.setRawMode(true);
    }
    this.#disturbed();
  };
  readonly #onResize = (): void => this.#disturbed();
  readonly #onError = (): void => {
    if (!this.#lost) {
      this.#lost = true;
      this.options.onLost();
    }
  };

  constructor(private readonly options: TerminalScreenOptions) {
    this.#process = options.process ?? process;
    const { stdin, stdout, endsOnSignals } = options;
    // A terminal that is closed must not take the run with it, as an unheard error would.
    stdout.on("error", this.#onError);
    stdin.on("error", this.#onError);
    stdout.on("resize", this.#onResize);
    this.#process.on("exit", this.#onExit);
    this.#process.on("SIGCONT", this.#onContinue);
    if (endsOnSignals) {
      for (const signal of endingSignals) {
        this.#process.on(signal, this.#onSignal);
      }
    }
    if (stdin.isTTY) {
      stdin.setRawMode(true);
    }
    this.#write(enter);
  }

  size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.options.stdout;
    return { columns: columns || sizeIfUnknown.columns, rows: rows || sizeIfUnknown.rows };
  }

  draw(rows: readonly string[]): void {
    if (this.#left || this.#suspended) {
      return;
    }
    const before = this.#rows;
    let changes = before === null ? "\u001b[2J" : "";
    for (const [at, row] of rows.entries()) {
      // Each row has its place: whatever a terminal makes of one, it stays in that row.
      if (row !== (before?.[at] ?? "")) {
        // Emptied first: behind a full row the cursor stands on its last column.
        changes += `${emptied(at)}${row}\u001b[0m`;
      }
    }
    for (let at = rows.length; at < (before?.length ?? 0); at += 1) {
      changes += emptied(at);
    }
    this.#rows = rows;
    if (changes !== "") {
      this.#write(begin + changes + end);
    }
  }

  forget(): void {
    this.#rows = null;
  }

  suspend(): void {
    if (this.#left) {
      return;
    }
    this.#write(exit);
    this.#suspended = true;
    if (this.options.stdin.isTTY) {
      this.options.stdin.setRawMode(false);
    }
    this.#process.kill(this.#process.pid, "SIGTSTP");
    // Where there is no shell that could let it go on, the system does not stop it at all.
    setImmediate(() => this.#onContinue());
  }

  leave(): void {
    if (this.#left) {
      return;
    }
    const { stdin, stdout } = this.options;
    this.#write(exit);
    this.#left = true;
    if (stdin.isTTY) {
      stdin.setRawMode(false);
    }
    stdout.off("resize", this.#onResize);
    this.#process.off("exit", this.#onExit);
    this.#process.off("SIGCONT", this.#onContinue);
    for (const signal of endingSignals) {
      this.#process.off(signal, this.#onSignal);
    }
    // What was written last may fail later still: the listeners for errors stay.
  }

  #end(signal: NodeJS.Signals): void {
    this.leave();
    // Without this listener the signal does what it always does.
    this.#process.kill(this.#process.pid, signal);
  }

  #disturbed(): void {
    this.forget();
    this.options.onDisturbed();
  }

  #write(text: string): void {
    if (!this.#lost && !this.#left && this.options.stdout.writable !== false) {
      this.options.stdout.write(text);
    }
  }
}

/** To the start of a row, which is empty then. */
function emptied(row: number): string {
  return `\u001b[${row + 1};1H\u001b[0m\u001b[2K`;
}
