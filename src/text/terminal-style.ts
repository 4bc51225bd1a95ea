/** The few escape sequences that tables use; off, every function gives the text back as it is. */
export interface TerminalStyle {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
}

export function terminalStyle(color: boolean): TerminalStyle {
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      color && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22) };
}
