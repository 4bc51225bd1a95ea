/** How far a long reading is: one line now and then, on stderr, so that stdout stays the result's. */
import { formatDuration } from "../../text/numbers.js";
import type { Terminal } from "../terminal.js";

const firstAfter = 2;
const every = 2;

/** @param now seconds, monotonic */
export function readingProgress(
  terminal: Pick<Terminal, "err">,
  now: () => number,
): (file: string, fraction: number) => void {
  let began = now();
  let file = "";
  let next = began + firstAfter;
  return (current, fraction) => {
    const time = now();
    if (current !== file) {
      file = current;
      began = time;
    }
    if (time < next || fraction >= 1) return;
    next = time + every;
    const left = fraction > 0 ? ((time - began) / fraction) * (1 - fraction) : null;
    terminal.err(
      `reading ${file}: ${Math.floor(100 * Math.min(1, fraction))} %, ${formatDuration(left)} left`,
    );
  };
}
