/** Where a command writes, and what its reader can show. */
export interface Terminal {
  /** stdout: results, and nothing else under --json. */
  out(text: string): void;
  /** stderr: errors and logs. */
  err(text: string): void;
  /** Whether stdout is a terminal. */
  readonly isTty: boolean;
  /** Whether a whole screen can be drawn on it; keys come from there, too. */
  readonly hasScreen: boolean;
  readonly columns: number;
  readonly color: boolean;
  readonly unicode: boolean;
}

const widthOffTty = 120;

export function processTerminal(
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  const isTty = stdout.isTTY === true;
  const dumb = environment.TERM === "dumb";
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  const plainColor = (environment.NO_COLOR ?? "") !== "" || dumb;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    isTty,
    hasScreen: isTty && !dumb,
    columns: isTty ? Math.max(40, stdout.columns) : widthOffTty,
    color: isTty && !plainColor,
    // A terminal that says nothing of its encoding is most likely a modern one.
    unicode: locale === "" || /utf-?8/i.test(locale),
  };
}

/** Waits so many seconds, or until aborted; never rejects. */
export function waitSeconds(seconds: number, abandoned: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (abandoned.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      abandoned.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    abandoned.addEventListener("abort", end, { once: true });
  });
}

const firstWordMs = 1000;
const nextWordsMs = 10_000;

/**
 * Says on stderr what is being done, and every ten seconds how long it has taken. On a terminal it
 * begins after a second; elsewhere, where scripts read what is said, after ten.
 */
export async function tellingWait<T>(
  terminal: Pick<Terminal, "err" | "isTty">,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const started = performance.now();
  let timer = setTimeout(tell, terminal.isTty ? firstWordMs : nextWordsMs, `${what} …`);
  function tell(line: string): void {
    terminal.err(line);
    timer = setTimeout(() => {
      tell(`${what}: ${Math.round((performance.now() - started) / 1000)} s`);
    }, nextWordsMs);
  }
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
