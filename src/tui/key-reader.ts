/** Keys of a terminal in raw mode. */
import { StringDecoder } from "node:string_decoder";
import { type KeyPress, keyPresses } from "./key-press.js";
import { type InputToken, TerminalInput } from "./terminal-input.js";

/**
 * Ends a sequence that goes no further, in milliseconds: a terminal sends one in one piece, which
 * a slow line may cut; a person who presses Escape does not wait.
 */
const settleMs = 50;

/**
 * Reads until the function that it returns is called, which lets the process end. What is no
 * terminal has no keys.
 */
export function readKeys(stdin: NodeJS.ReadStream, onKey: (key: KeyPress) => void): () => void {
  if (!stdin.isTTY) {
    return () => {};
  }
  const decoder = new StringDecoder("utf8");
  const input = new TerminalInput();
  let timer: NodeJS.Timeout | null = null;
  let over = false;
  const tell = (tokens: readonly InputToken[]): void => {
    for (const key of tokens.flatMap(keyPresses)) {
      if (!over) {
        onKey(key);
      }
    }
  };
  const onData = (chunk: Buffer | string): void => {
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
    tell(input.take(typeof chunk === "string" ? chunk : decoder.write(chunk)));
    if (input.waits && !over) {
      timer = setTimeout(() => tell(input.settle()), settleMs);
    }
  };
  stdin.on("data", onData);
  stdin.resume();
  return () => {
    over = true;
    if (timer !== null) {
      clearTimeout(timer);
    }
    stdin.off("data", onData);
    stdin.pause();
  };
}
