/** The last lines of an output stream, whatever is written to it: bounded in lines and width. */
import { StringDecoder } from "node:string_decoder";

export class LineTail {
  readonly #decoder = new StringDecoder("utf8");
  readonly #lines: string[] = [];
  #open = "";

  /**
   * @param maxLines - Lines kept.
   * @param maxWidth - UTF-16 code units kept of one line.
   */
  constructor(
    private readonly maxLines = 50,
    private readonly maxWidth = 1000,
  ) {}

  write(chunk: Buffer): void {
    // A progress bar redraws its line with \r: each drawing counts as a line of its own.
    const parts = (this.#open + this.#decoder.write(chunk)).split(/\r\n|\n|\r/);
    this.#open = parts.pop()!.slice(0, this.maxWidth);
    for (const line of parts) {
      if (line.trim() !== "") {
        this.#lines.push(line.slice(0, this.maxWidth));
      }
    }
    this.#lines.splice(0, this.#lines.length - this.maxLines);
  }

  /** Oldest first; a last line without its end counts. */
  lines(): string[] {
    const open = this.#open.trim() === "" ? [] : [this.#open];
    return [...this.#lines, ...open].slice(-this.maxLines);
  }
}
