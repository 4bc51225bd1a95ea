/** What a user would see: a terminal emulator without a window, that looks at every frame. */
import xterm from "@xterm/headless";

export interface TerminalModes {
  readonly alternate: boolean;
  readonly cursorVisible: boolean;
  /** A line that is too long goes on in the next row. */
  readonly wraps: boolean;
  readonly mouse: boolean;
  readonly bracketedPaste: boolean;
}

/** A program may not leave more behind than this. */
export const ordinary: TerminalModes = {
  alternate: false,
  cursorVisible: true,
  wraps: true,
  mouse: false,
  bracketedPaste: false,
};

export class Emulator {
  readonly #terminal: xterm.Terminal;
  #cursorVisible = true;
  #wraps = true;
  /** Between a resize and the frame drawn anew, the screen is neither's. */
  #disturbed = false;
  #drawing = false;
  /** What was wrong with frames, in words. */
  readonly faults: string[] = [];
  frames = 0;
  /** Escape sequences so far, of any kind. */
  sequences = 0;

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const { parser } = this.#terminal;
    parser.registerCsiHandler({ prefix: "?", final: "h" }, ([mode]) => this.#mode(mode, true));
    parser.registerCsiHandler({ prefix: "?", final: "l" }, ([mode]) => this.#mode(mode, false));
    parser.registerCsiHandler({ final: "J" }, ([what]) => {
      this.#disturbed &&= what !== 2;
      return false;
    });
  }

  /** Settles when it is on the screen. */
  write(text: Uint8Array | string): Promise<void> {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    for (const byte of bytes) if (byte === 0x1b) this.sequences += 1;
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#disturbed = true;
    this.#terminal.resize(columns, rows);
  }

  /** The screen shows one frame, and no part of the next: a frame may come in pieces. */
  get whole(): boolean {
    return !this.#drawing;
  }

  /** The rows of the screen, without colours and without blanks at their ends. */
  get rows(): string[] {
    const buffer = this.#terminal.buffer.active;
    return Array.from(
      { length: this.#terminal.rows },
      (_, at) => buffer.getLine(buffer.viewportY + at)?.translateToString(true) ?? "",
    );
  }

  get text(): string {
    return this.rows.join("\n").trimEnd();
  }

  /** All of the normal screen, with what has been scrolled away. */
  get normalText(): string {
    const buffer = this.#terminal.buffer.normal;
    let text = "";
    for (let at = 0; at < buffer.length; at += 1) {
      const line = buffer.getLine(at);
      text += `${line?.isWrapped ? "" : "\n"}${line?.translateToString(true) ?? ""}`;
    }
    return text.trim();
  }

  get modes(): TerminalModes {
    const { modes, buffer } = this.#terminal;
    return {
      alternate: buffer.active.type === "alternate",
      cursorVisible: this.#cursorVisible,
      wraps: this.#wraps,
      mouse: modes.mouseTrackingMode !== "none" || modes.sendFocusMode,
      bracketedPaste: modes.bracketedPasteMode,
    };
  }

  /** Colours of the palette and true colours that are on the screen, and whether there are others. */
  get colors(): { readonly any: boolean; readonly beyond16: boolean } {
    const buffer = this.#terminal.buffer.active;
    let any = false;
    let beyond16 = false;
    for (let row = 0; row < this.#terminal.rows; row += 1) {
      const line = buffer.getLine(buffer.viewportY + row);
      for (let column = 0; column < this.#terminal.cols; column += 1) {
        const cell = line?.getCell(column);
        if (cell === undefined) continue;
        any ||= !cell.isFgDefault() || !cell.isBgDefault();
        beyond16 ||= cell.isFgRGB() || cell.isBgRGB();
        beyond16 ||= cell.isFgPalette() && cell.getFgColor() > 15;
        beyond16 ||= cell.isBgPalette() && cell.getBgColor() > 15;
      }
    }
    return { any, beyond16 };
  }

  /** @returns true: the emulator is not to carry it out */
  #mode(mode: number | (number | number[])[] | undefined, on: boolean): boolean {
    if (mode === 25) this.#cursorVisible = on;
    if (mode === 7) {
      this.#wraps = on;
      // So that a row that is too long is found: it would be cut.
      return true;
    }
    if (mode === 2026) {
      this.#drawing = on;
      if (!on) this.#frame();
    }
    return false;
  }

  /** The end of a frame: never more than rows − 1 lines, none wider than the terminal. */
  #frame(): void {
    const buffer = this.#terminal.buffer.active;
    if (this.#disturbed || buffer.type !== "alternate") return;
    this.frames += 1;
    const { rows, cols } = this.#terminal;
    const last = buffer.getLine(rows - 1)?.translateToString(true) ?? "";
    if (last !== "") this.#fault(`the last of ${rows} rows is used: ${last}`);
    for (let at = 0; at < rows; at += 1) {
      if (buffer.getLine(at)?.isWrapped) this.#fault(`row ${at} is a rest beyond ${cols} columns`);
    }
    if (buffer.baseY > 0) this.#fault("it has scrolled");
  }

  #fault(words: string): void {
    if (this.faults.length < 5) this.faults.push(`${words}\n${this.text}`);
  }
}
