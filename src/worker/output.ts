/**
 * A worker's output stream as text without secrets, given on by the line: a secret that comes in
 * two chunks is found as well.
 */

import { StringDecoder } from "node:string_decoder";
import type { Redaction } from "../text/redaction.js";

/** Longest line that is kept whole, in UTF-16 code units; of a longer one, this much is. */
const MAX_LINE = 2 ** 16;

export class OutputLines {
  readonly #decoder = new StringDecoder("utf8");
  #open = "";
  /** In the rest of a line that was too long: what comes up to its end is dropped. */
  #dropping = false;

  /** @param take - Gets whole lines, their ends (\n, \r or both) included. */
  constructor(
    private readonly redaction: Redaction,
    private readonly take: (text: string) => void,
  ) {}

  /** The line that has no end yet. */
  get open(): string {
    return this.redaction.cut(this.#open);
  }

  write(chunk: Buffer): void {
    this.#write(this.#decoder.write(chunk));
  }

  /** The stream is over: its last line need have no end. */
  end(): void {
    this.#write(this.#decoder.end());
    if (this.#open !== "") {
      this.take(`${this.redaction.whole(this.#open)}\n`);
      this.#open = "";
    }
  }

  #write(piece: string): void {
    let fresh = piece;
    if (this.#dropping) {
      const end = fresh.search(/[\r\n]/);
      if (end < 0) {
        return;
      }
      this.#dropping = false;
      fresh = fresh.slice(end + 1);
    }
    // A progress bar redraws its line with \r: each drawing counts as a line of its own.
    const last = Math.max(fresh.lastIndexOf("\n"), fresh.lastIndexOf("\r"));
    if (last >= 0) {
      this.take(this.redaction.whole(this.#open + fresh.slice(0, last + 1)));
      this.#open = "";
    }
    this.#open += fresh.slice(last + 1);
    if (this.#open.length > MAX_LINE) {
      const kept = this.redaction.cut(this.#open.slice(0, MAX_LINE));
      this.take(`${kept} … [the rest of this line is left out]\n`);
      this.#open = "";
      this.#dropping = true;
    }
  }
}

/** The last lines of an output stream, whatever is written to it: bounded in lines and width. */
export class LineTail {
  readonly #lines: string[] = [];

  /**
   * @param maxLines - Lines kept.
   * @param maxWidth - UTF-16 code units kept of one line.
   */
  constructor(
    private readonly maxLines = 50,
    private readonly maxWidth = 1000,
  ) {}

  /** @param text - Whole lines; those of nothing but spaces do not count. */
  write(text: string): void {
    this.#lines.push(...this.#cut(text));
    this.#lines.splice(0, this.#lines.length - this.maxLines);
  }

  /**
   * Oldest first.
   *
   * @param open - A last line without its end, which counts.
   */
  lines(open = ""): string[] {
    return [...this.#lines, ...this.#cut(open)].slice(-this.maxLines);
  }

  #cut(text: string): string[] {
    return text
      .split(/\r\n|\n|\r/)
      .filter((line) => line.trim() !== "")
      .slice(-this.maxLines)
      .map((line) => line.slice(0, this.maxWidth));
  }
}
