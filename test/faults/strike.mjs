/** One point: the run is struck, taken up as often as need be, and compared with the undisturbed. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root, writeExperiment } from "./experiment.mjs";
import { orphans, runCommand } from "./processes.mjs";
import { differences, filesIn, journalOf, outcomeOf } from "./record.mjs";

/** A command that takes longer hangs; PyTorch in two processes takes minutes on a busy machine. */
const limitSeconds = 900;

/**
 * A worker whose controller was killed leaves at once; one that was just being started finds nobody
 * and gives up after its --connect-timeout-ms.
 */
const orphanSeconds = 30;

/**
 * One run folder, and the commands that are called on it.
 */
export class Subject {
  /**
   * @param {string} folder a short path: sockets lie below it
   * @param {string} program the built main.js
   * @param {NodeJS.ProcessEnv} [env] added to this process's
   */
  constructor(folder, program, env = {}) {
    this.folder = folder;
    this.run = join(folder, "run");
    this.artifacts = join(folder, "artifacts");
    this.temporary = join(folder, "t");
    this.program = program;
    this.mark = randomUUID();
    this.env = env;
    mkdirSync(this.temporary, { recursive: true });
  }

  /**
   * @param {readonly string[]} args of `averse`
   * @param {object} [options]
   * @param {object | null} [options.killAt] see kill-at.mjs
   * @param {boolean} [options.killStopped]
   */
  averse(args, { killAt = null, killStopped = false } = {}) {
    const preload = ["--import", join(root, "test", "faults", "kill-at.mjs")];
    // AVERSE_PYTHON named the Python to make .venv with; workers run in .venv itself.
    const { AVERSE_PYTHON: _, ...env } = process.env;
    return runCommand(
      [process.execPath, ...(killAt === null ? [] : preload), this.program, ...args],
      {
        mark: this.mark,
        cwd: this.folder,
        env: {
          ...env,
          NO_COLOR: "1",
          TMPDIR: this.temporary,
          AVERSE_ARTIFACTS: this.artifacts,
          ...(killAt === null ? {} : { AVERSE_TEST_KILL: JSON.stringify(killAt) }),
          ...this.env,
        },
        limitSeconds,
        killStopped,
      },
    );
  }

  /** What must hold at a run's end, whatever befell it. @returns {Promise<string[]>} what does not */
  async remains() {
    const alive = await orphans(this.mark, orphanSeconds);
    const problems = alive.map(({ pid, state }) => `process ${pid} (${state}) was left behind`);
    for (const name of readdirSync(this.temporary)) {
      problems.push(`${name} was left behind in the folder for temporary files`);
    }
    for (const file of [...filesIn(this.run), ...filesIn(this.artifacts)]) {
      if (/\.(partial|removed|tmp)(\/|$)/.test(file)) problems.push(`${file} was left behind`);
    }
    const { code, output } = await this.averse(["verify", this.run]);
    if (code !== 0) problems.push(`averse verify ends with ${code}: ${output.trim()}`);
    return problems;
  }
}

/**
 * @param {import("./experiment.mjs").Experiment} name
 * @param {string} folder
 * @param {string} program the built main.js
 * @returns {Promise<import("./record.mjs").Outcome>}
 */
export async function undisturbed(name, folder, program) {
  const subject = new Subject(folder, program);
  const experiment = writeExperiment(folder, name);
  const { code, output } = await subject.averse(["run", experiment, "--run-dir", subject.run]);
  if (code !== 0) throw new Error(`the undisturbed run (${name}) ends with ${code}:\n${output}`);
  const problems = await subject.remains();
  if (problems.length > 0) throw new Error(`the undisturbed run: ${problems.join("; ")}`);
  return outcomeOf(subject.run);
}

/**
 * @param {import("./points.mjs").Point} point
 * @param {string} folder
 * @param {string} program the built main.js
 * @param {import("./record.mjs").Outcome} expected
 * @returns {Promise<string[]>} what is wrong; empty: bit-identical
 */
export async function strike(point, folder, program, expected) {
  const subject = new Subject(folder, program);
  const faults = (point.faults ?? []).map((fault, nth) => ({
    signals: [],
    ...fault,
    marker: join(folder, `fault-${nth}`),
  }));
  const { parallel = 2, restarts = 3 } = point;
  const experiment = writeExperiment(folder, point.experiment, { parallel, restarts, faults });
  const markers = faults.map(({ marker }) => marker);

  for (const [nth, end] of point.ends.entries()) {
    const args =
      nth === 0 ? ["run", experiment, "--run-dir", subject.run] : ["resume", subject.run];
    const planned = point.killAt?.[nth] ?? null;
    const killAt = planned === null ? null : { ...planned, marker: join(folder, `kill-${nth}`) };
    if (killAt !== null) markers.push(killAt.marker);
    const stops = faults.some(({ signals }) => stopsForGood(signals));
    const { code, signal, output } = await subject.averse(args, { killAt, killStopped: stops });
    if ((signal ?? code) !== end) {
      await subject.remains();
      return [`\`averse ${args[0]}\` ended with ${signal ?? code}, not ${end}:\n${output}`];
    }
  }
  const problems = await subject.remains();
  for (const marker of markers) {
    if (!existsSync(marker)) problems.push(`the fault ${marker} never struck`);
  }
  const { journals } = point;
  if (journals !== undefined && !journalOf(subject.run).some(({ type }) => type === journals)) {
    problems.push(`the journal has no ${journals}`);
  }
  return [...problems, ...differences(expected, outcomeOf(subject.run))];
}

/** @param {unknown} signals */
function stopsForGood(signals) {
  const sent = /** @type {[string, string][]} */ (signals ?? []);
  return (
    sent.some(([name, target]) => name === "SIGSTOP" && target !== "worker") &&
    !sent.some(([name]) => name === "SIGCONT")
  );
}
