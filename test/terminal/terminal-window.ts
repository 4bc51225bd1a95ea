/** The program in a terminal window: keys go in, and what is waited for is what stands on the screen. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Emulator, type TerminalModes } from "./emulator.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bridge = join(root, "test", "terminal", "pty_bridge.py");

export interface WindowOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What the kernel does with a line that is typed. */
export interface LineModes {
  readonly canonical: boolean;
  readonly echo: boolean;
  readonly signals: boolean;
}

/** As a shell leaves and wants it. */
export const cooked: LineModes = { canonical: true, echo: true, signals: true };

export interface WindowEnd {
  readonly code: number | null;
  readonly signal: number | null;
  /** Null: the window was closed. */
  readonly modes: LineModes | null;
}

/** How long a screen is waited for, in milliseconds: only a machine that is very busy needs it. */
const limit = 40_000;

export const keys = {
  up: "\u001b[A",
  down: "\u001b[B",
  right: "\u001b[C",
  left: "\u001b[D",
  pageDown: "\u001b[6~",
  enter: "\r",
  tab: "\t",
  shiftTab: "\u001b[Z",
  ctrlC: "\u0003",
  escape: "\u001b",
} as const;

export class TerminalWindow {
  readonly emulator: Emulator;
  readonly ended: Promise<WindowEnd>;
  readonly #bridge: ChildProcessWithoutNullStreams;
  readonly #listeners = new Set<() => void>();
  readonly #lineModes: ((modes: LineModes) => void)[] = [];
  #end: WindowEnd | null = null;
  /** Process of the program. */
  pid = 0;

  /** @param argv what Node is to run: a file and its arguments */
  constructor(argv: readonly string[], { columns = 120, rows = 40, cwd, env = {} }: WindowOptions) {
    this.emulator = new Emulator(columns, rows);
    // What the test runner sets is no concern of the program.
    const none = {
      NO_COLOR: undefined,
      FORCE_COLOR: undefined,
      CI: undefined,
      NODE_ENV: undefined,
    };
    // Python would make another of the language C, for its children too.
    const language = {
      PYTHONCOERCECLOCALE: "0",
      LANG: "C.UTF-8",
      LC_ALL: undefined,
      LC_CTYPE: undefined,
    };
    this.#bridge = spawn(
      python(),
      [bridge, String(columns), String(rows), process.execPath, ...argv],
      { cwd, env: { ...process.env, ...none, TERM: "xterm-256color", ...language, ...env } },
    );
    let shown = Promise.resolve();
    let said = "";
    this.#bridge.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    this.ended = new Promise((resolve, reject) => {
      createInterface({ input: this.#bridge.stdout }).on("line", (line) => {
        const heard = JSON.parse(line);
        if ("pid" in heard) this.pid = heard.pid;
        else if ("shown" in heard) {
          shown = this.emulator.write(Buffer.from(heard.shown, "base64")).then(() => this.#tell());
        } else if ("code" in heard) {
          void shown.then(() => {
            this.#end = heard;
            resolve(heard);
            this.#tell();
          });
        } else this.#lineModes.shift()?.(heard.modes);
      });
      this.#bridge.on("close", () => reject(new Error(`the pseudo-terminal has ended: ${said}`)));
    });
    this.ended.catch(() => {});
  }

  get text(): string {
    return this.emulator.text;
  }

  press(text: string): void {
    this.#order({ keys: Buffer.from(text).toString("base64") });
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.#order({ resize: [columns, rows] });
  }

  signal(name: NodeJS.Signals): void {
    this.#order({ signal: constants.signals[name] });
  }

  /** Closes the window, as a user does whose program is still there. */
  hangUp(): void {
    this.#order({ hangup: true });
  }

  lineModes(): Promise<LineModes> {
    return new Promise((resolve) => {
      this.#lineModes.push(resolve);
      this.#order({ ask: "modes" });
    });
  }

  /** As the program left the terminal. */
  get modes(): TerminalModes {
    return this.emulator.modes;
  }

  /** Settles once the screen shows it; fails with the screen in the error. */
  async shows(wanted: string | RegExp): Promise<string> {
    return await this.until(
      (text) => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)),
      String(wanted),
    );
  }

  async hides(unwanted: string | RegExp): Promise<string> {
    return await this.until(
      (text) => !(typeof unwanted === "string" ? text.includes(unwanted) : unwanted.test(text)),
      `no ${unwanted}`,
    );
  }

  async until(holds: (text: string) => boolean, words: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const look = () => {
        if (!this.emulator.whole && this.#end === null) return;
        if (holds(this.text)) done(() => resolve(this.text));
        else if (this.#end !== null) done(() => reject(this.#missed(words, "the program ended")));
      };
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const timer = setTimeout(() => done(() => reject(this.#missed(words, "gave up"))), limit);
      this.#listeners.add(look);
      look();
    });
  }

  /** Ends whatever is still there. */
  close(): void {
    this.#bridge.stdin.end();
  }

  #missed(words: string, why: string): Error {
    return new Error(`${why} before the screen showed ${words}:\n${this.text}`);
  }

  #order(order: object): void {
    this.#bridge.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function python(): string {
  const own = join(root, ".venv", "bin", "python");
  return process.env.AVERSE_PYTHON ?? (existsSync(own) ? own : "python3");
}
