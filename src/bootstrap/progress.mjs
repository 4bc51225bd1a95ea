/** What the set-up is doing: one line rewritten on a terminal, now and then a line elsewhere. */

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const linesEverySeconds = 10;

/**
 * @typedef {object} Step
 * @property {(detail: string) => void} detail what is in hand, the package for example
 * @property {(summary: string) => void} done
 * @property {() => void} failed
 */

/**
 * @param {string} what
 * @param {NodeJS.WriteStream} [stream]
 * @returns {Step}
 */
export function beginStep(what, stream = process.stderr) {
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const terminal = stream.isTTY === true;
  let detail = "";
  let frame = 0;
  let lastLine = began;
  if (!terminal) stream.write(`${what} …\n`);

  const tick = () => {
    const text = `${what}${detail === "" ? "" : `: ${detail}`} (${clock(seconds())})`;
    if (terminal) {
      frame += 1;
      const mark = spinner[frame % spinner.length];
      stream.write(`\r\u001b[2K${mark} ${text}`.slice(0, (stream.columns || 80) + 4));
    } else if (Date.now() - lastLine >= linesEverySeconds * 1000) {
      lastLine = Date.now();
      stream.write(`  ${text}\n`);
    }
  };
  const timer = setInterval(tick, terminal ? 120 : 1000);
  timer.unref();

  /** @param {string} line */
  const end = (line) => {
    clearInterval(timer);
    stream.write(`${terminal ? "\r\u001b[2K" : ""}${line}\n`);
  };
  return {
    detail: (text) => {
      detail = text;
    },
    done: (summary) => end(`✓ ${what}: ${summary} (${clock(seconds())})`),
    failed: () => end(`✗ ${what} (${clock(seconds())})`),
  };
}

/** @param {number} seconds */
export function clock(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
