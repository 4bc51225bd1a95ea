/**
 * The terminal, measured with the real program in a pseudo-terminal, on a run with 10,000 steps
 * behind it that goes on with 50 per second:
 *
 *   npm run build && node test/bench/terminal.mjs [STEPS] [SECONDS]
 *
 * Prints one JSON object. `cpu_fraction` is of one core, user and system time of all threads of the
 * dashboard; wall times depend on what else the machine does, CPU times hardly. `ratio`s are of
 * medians, from starts that took turns.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";
import { cpuSeconds } from "./cpu-time.mjs";

const steps = Number(process.argv[2] ?? 10_000);
const seconds = Number(process.argv[3] ?? 20);
const eventsASecond = 50;
const [columns, rows] = [120, 40];
const starts = 7;
const keyRounds = 40;

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist", "main.js");
const venv = join(root, ".venv", "bin", "python");
const python = process.env.AVERSE_PYTHON ?? (existsSync(venv) ? venv : "python3");
const here = (/** @type {string} */ ...parts) => join(root, "test", ...parts);

/** A program in a terminal of its own, as far as this needs one. */
class Screen {
  #terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  #changed = () => {};
  #bridge;
  pid = 0;
  ended;

  /** @param {readonly string[]} argv */
  constructor(argv) {
    const { NO_COLOR: _, CI: __, ...env } = process.env;
    this.#bridge = spawn(
      python,
      [here("terminal", "pty_bridge.py"), `${columns}`, `${rows}`, process.execPath, ...argv],
      {
        env: { ...env, TERM: "xterm-256color", LANG: "C.UTF-8" },
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    this.ended = new Promise((resolve) => this.#bridge.on("close", resolve));
    createInterface({ input: this.#bridge.stdout }).on("line", (line) => {
      const heard = JSON.parse(line);
      if (heard.pid) this.pid = heard.pid;
      if (heard.shown) {
        this.#terminal.write(Buffer.from(heard.shown, "base64"), () => this.#changed());
      }
    });
  }

  get text() {
    const buffer = this.#terminal.buffer.active;
    return Array.from({ length: rows }, (_, at) => buffer.getLine(at)?.translateToString(true))
      .join("\n")
      .trimEnd();
  }

  /** @param {string} keys */
  press(keys) {
    this.#bridge.stdin.write(`${JSON.stringify({ keys: Buffer.from(keys).toString("base64") })}\n`);
  }

  /** @param {(text: string) => boolean} holds */
  async until(holds) {
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not shown:\n${this.text}`)), 60_000);
      this.#changed = () => {
        if (!holds(this.text)) return;
        clearTimeout(late);
        this.#changed = () => {};
        resolve(null);
      };
      this.#changed();
    });
  }

  /** User and system time so far, in seconds. */
  cpu() {
    return cpuSeconds(this.pid);
  }

  /** Resident now and at most, in MB. */
  memory() {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const of = (/** @type {string} */ name) =>
      Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
    return { rss_mb: round(of("VmRSS"), 1), rss_mb_most: round(of("VmHWM"), 1) };
  }

  async leave() {
    this.press("q");
    await this.ended;
  }
}

const round = (/** @type {number} */ value, digits = 3) => Number(value.toFixed(digits));

/** @param {number[]} values */
function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) =>
    round(sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN, 1);
  return { median: at(0.5), p95: at(0.95), most: at(1) };
}

/** A step in its panels, the newest, and the key hints: nothing is missing. */
const whole = (/** @type {string} */ text) => {
  const step = Number(/iteration (\d+)\//.exec(text)?.[1] ?? 0);
  return step >= steps && /Iteration \d{4,} /.test(text) && text.includes("? help");
};

/** All trials, the newest step of the one at work among them, and the key hints. */
const overview = (/** @type {string} */ text) =>
  Number(/ (\d+)\/\d+ /.exec(text)?.[1] ?? 0) >= steps && text.includes("? help");

/** @param {string} runs @param {string} run */
async function attaching(runs, run) {
  const wall = [];
  const cpu = [];
  for (let nth = 0; nth < starts; nth++) {
    const begun = performance.now();
    const screen = new Screen([main, "attach", run, "--runs", runs]);
    await screen.until(overview);
    wall.push(performance.now() - begun);
    cpu.push(1000 * screen.cpu());
    await screen.leave();
  }
  return { wall_ms: quantiles(wall), cpu_ms: quantiles(cpu) };
}

/** Node's own start through the same pseudo-terminal, up to its first word. */
async function bareStart() {
  const wall = [];
  for (let nth = 0; nth < starts; nth++) {
    const begun = performance.now();
    const screen = new Screen(["-e", "console.log('here')"]);
    await screen.until((text) => text.includes("here"));
    wall.push(performance.now() - begun);
    await screen.ended;
  }
  return { wall_ms: quantiles(wall) };
}

/** @param {string} runs @param {string} run */
async function watching(runs, run) {
  const screen = new Screen([main, "attach", run, "--runs", runs]);
  await screen.until(overview);
  screen.press("1");
  await screen.until(whole);
  // What is read ahead for the charts is part of coming, not of watching.
  await pause(5000);
  const [cpuBefore, before] = [screen.cpu(), performance.now()];
  const stepBefore = Number(/iteration (\d+)\//.exec(screen.text)?.[1]);
  await pause(1000 * seconds);
  const cpu_fraction = (1000 * (screen.cpu() - cpuBefore)) / (performance.now() - before);
  const events = Number(/iteration (\d+)\//.exec(screen.text)?.[1]) - stepBefore;
  const memory = screen.memory();
  const answers = [];
  for (let nth = 0; nth < keyRounds; nth++) {
    for (const [key, shows] of /** @type {const} */ ([
      ["?", (text) => text.includes("this help")],
      ["?", (text) => !text.includes("this help")],
      ["3", (text) => text.includes("▸3 Tail")],
      ["1", (text) => text.includes("▸1 Risk")],
    ])) {
      // Not in step with frames that come by themselves.
      await pause(20 + 60 * Math.random());
      const pressed = performance.now();
      screen.press(key);
      await screen.until(shows);
      answers.push(performance.now() - pressed);
    }
  }
  await screen.leave();
  return {
    seconds,
    events_a_second: round(events / seconds, 1),
    cpu_fraction: round(cpu_fraction),
    ...memory,
    key_ms: quantiles(answers),
  };
}

/**
 * `ls` of a few short runs is what its start costs; with `ls_long` it reads a long journal too.
 *
 * @param {string} short @param {string} long
 */
function plainStarts(short, long) {
  const node = process.execPath;
  const programs = {
    node: [node, "-e", "0"],
    help: [node, main, "--help"],
    ls: [node, main, "ls", "--runs", short],
    ls_long: [node, main, "ls", "--runs", long],
  };
  const argv = [here("bench", "child_times.py"), "15", JSON.stringify(programs)];
  const { status, stdout } = spawnSync(python, argv, {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error("the starts could not be measured");
  const times = JSON.parse(stdout);
  const median = (/** @type {string} */ name, /** @type {string} */ what) =>
    quantiles(times[name][what]).median;
  const ratio = (/** @type {string} */ what) => ({
    help: round(median("help", what) / median("node", what), 2),
    ls: round(median("ls", what) / median("node", what), 2),
    ls_long: round(median("ls_long", what) / median("node", what), 2),
  });
  return {
    node_ms: { wall: median("node", "wall_ms"), cpu: median("node", "cpu_ms") },
    help_ms: { wall: median("help", "wall_ms"), cpu: median("help", "cpu_ms") },
    ls_ms: { wall: median("ls", "wall_ms"), cpu: median("ls", "cpu_ms") },
    ls_long_ms: { wall: median("ls_long", "wall_ms"), cpu: median("ls_long", "cpu_ms") },
    ratio: { wall: ratio("wall_ms"), cpu: ratio("cpu_ms") },
  };
}

/** A run with so many steps behind it, that goes on. @param {string} runs @param {number} history */
async function liveRun(runs, history) {
  const feeder = spawn(
    process.execPath,
    ["--import", "tsx", here("bench", "history.mjs"), runs, `${history}`, `${eventsASecond}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => feeder.once("exit", resolve));
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: feeder.stdout }).once("line", resolve);
    feeder.once("exit", () => reject(new Error("the run to look at has ended")));
  });
  const { run } = JSON.parse(line);
  return {
    run,
    stop: async () => {
      feeder.kill("SIGTERM");
      await ended;
    },
  };
}

const scratch = mkdtempSync(join(tmpdir(), "averse-terminal-"));
const [short, long] = [join(scratch, "short"), join(scratch, "long")];
try {
  for (let nth = 0; nth < 3; nth++) await (await liveRun(short, 20)).stop();
  const { run, stop } = await liveRun(long, steps);
  try {
    const load = loadavg()[0];
    const dashboard = await watching(long, run);
    const bare = await bareStart();
    const attach = await attaching(long, run);
    console.log(
      JSON.stringify({
        steps,
        load_average: round(load ?? 0, 1),
        dashboard,
        attach: {
          ...attach,
          node_wall_ms: bare.wall_ms,
          after_node_ms: round(attach.wall_ms.median - bare.wall_ms.median, 1),
        },
        start: plainStarts(short, long),
      }),
    );
  } finally {
    await stop();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
