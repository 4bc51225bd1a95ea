/** A terminal's two ends for tests: keys go in, and what would stand on the screen can be read. */
import { EventEmitter } from "node:events";
import { stripVTControlCharacters } from "node:util";

export class Keyboard extends EventEmitter {
  readonly isTTY = true;
  isRaw = false;
  /** Whether the process would wait for keys. */
  isRead = false;

  type(text: string): void {
    this.emit("data", Buffer.from(text));
  }

  resume(): this {
    this.isRead = true;
    return this;
  }

  pause(): this {
    this.isRead = false;
    return this;
  }

  setRawMode(raw: boolean): this {
    this.isRaw = raw;
    return this;
  }

  get stream(): NodeJS.ReadStream {
    return this as unknown as NodeJS.ReadStream;
  }
}

/** Knows the sequences that the alternate screen uses; a row on the normal screen is a fault. */
export class Display extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  /** All that was written. */
  readonly writes: string[] = [];
  alternate = false;
  cursor = true;
  wraps = true;
  #rows: string[] = [];

  constructor(
    public columns = 80,
    public rows = 24,
  ) {
    super();
  }

  write(text: string): boolean {
    this.writes.push(text);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal reads
    for (const part of text.split(/(?=\u001b\[(?:\d+;1H|2J|H|\?\d+[hl]))/u)) {
      this.#take(part);
    }
    return true;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit("resize");
  }

  /** Without colours; empty on the normal screen, which nothing may be drawn on. */
  get shown(): string {
    return this.#rows.join("\n");
  }

  get isAsBefore(): boolean {
    return !this.alternate && this.cursor && this.wraps;
  }

  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }

  #take(part: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal reads
    const mode = /^\u001b\[\?(\d+)([hl])/u.exec(part);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal reads
    const row = /^\u001b\[(\d+);1H\u001b\[0m\u001b\[2K(.*)$/su.exec(part);
    if (mode !== null) {
      const on = mode[2] === "h";
      if (mode[1] === "1049") {
        this.alternate = on;
        this.#rows = [];
      } else if (mode[1] === "25") {
        this.cursor = on;
      } else if (mode[1] === "7") {
        this.wraps = on;
      }
    } else if (row !== null) {
      if (!this.alternate) {
        throw new Error("a row was drawn on the normal screen");
      }
      while (this.#rows.length < Number(row[1])) {
        this.#rows.push("");
      }
      this.#rows[Number(row[1]) - 1] = stripVTControlCharacters(row[2]!).trimEnd();
    } else if (part.startsWith("\u001b[2J")) {
      this.#rows = [];
    }
  }
}
