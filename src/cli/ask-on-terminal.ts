/** A question before something is done that cannot be undone. */
import { createInterface } from "node:readline/promises";

/** @returns whether the user agrees; null: there is nobody to ask */
export type Question = (text: string) => Promise<boolean | null>;

export const askOnTerminal: Question = async (text) => {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D closes it as well, and then no answer would ever come.
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  lines.once("SIGINT", () => lines.close());
  try {
    return /^y(es)?$/i.test((await Promise.race([lines.question(text), closed])).trim());
  } finally {
    lines.close();
  }
};
