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
