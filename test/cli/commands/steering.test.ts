/** Runs in the background, watched and steered from other processes, with the fake worker. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { identityOf, lifeOf } from "../../../src/system/processes.js";
import { eventually } from "../../eventually.js";
import { averse, buildProgramFirst, type Finished, root, scratch, start } from "../averse.js";

buildProgramFirst();

const long = [
  "training.iterations=100000",
  "evaluation.every=0",
  "checkpoint.every=0",
  "arms=rlhf",
].flatMap((one) => ["--set", one]);

/** Controllers that a test has left at work. */
const controllers = new Set<number>();

afterEach(() => {
  for (const pid of controllers) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended as it should.
    }
  }
  controllers.clear();
});

async function detached(name: string, set: readonly string[] = long) {
  const folder = join(scratch, name);
  const args = ["run", "smoke", "--detach", "--json", "--run-dir", folder, ...set];
  const { code, stdout, stderr } = await averse(args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const told = JSON.parse(stdout);
  controllers.add(told.pid);
  expect(told).toEqual({ type: "detached", run: folder, id: name, pid: expect.any(Number) });
  return { folder, pid: told.pid as number };
}

function journalOf(folder: string): { type: string; [key: string]: unknown }[] {
  const lines = readFileSync(join(folder, "journal.jsonl"), "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

const count = (folder: string, type: string) =>
  journalOf(folder).filter((event) => event.type === type).length;

/** A process that has ended does not count, even if nobody has asked after it yet. */
const alive = (pid: number) => lifeOf(identityOf(pid)) === "lives";

/** Waits for something in a run's journal. */
const untilTold = (folder: string, type: string, times = 1) =>
  eventually(() => expect(count(folder, type)).toBeGreaterThanOrEqual(times));
const untilGone = (pid: number) => eventually(() => expect(alive(pid)).toBe(false));

/**
 * Of a run that is paused: waits for the end of its step in hand, which the journal alone does not
 * tell, by having it saved. Nothing happens from then on.
 *
 * @param saved checkpoints by then
 */
async function atRest(folder: string, saved: number): Promise<void> {
  expect((await averse(["checkpoint", folder])).code).toBe(0);
  await untilTold(folder, "checkpoint_saved", saved);
}

describe("a detached run", () => {
  test("leads a session of its own, logs, outlives SIGHUP, and is stopped from elsewhere", async () => {
    const { folder, pid } = await detached("background");
    expect(readdirSync(scratch).filter((name) => name.startsWith(".starting"))).toEqual([]);
    // Fields 5 and 6 of proc_pid_stat(5): process group and session.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    expect(fields.slice(2, 4)).toEqual([String(pid), String(pid)]);
    await untilTold(folder, "step", 3);
    process.kill(pid, "SIGHUP");
    const before = count(folder, "step");
    await untilTold(folder, "step", before + 3);
    expect(count(folder, "stop_requested")).toBe(0);
    const stopped = await averse(["stop", folder]);
    expect(stopped.stdout).toContain("background stops after the current iterations");
    await untilGone(pid);
    expect(journalOf(folder).at(-1)).toMatchObject({ outcome: "interrupted" });
    const log = readFileSync(join(folder, "logs", "controller.log"), "utf8");
    expect(log).toMatch(/rlhf-s0 {2}iteration 1\/100000[\s\S]*interrupted after/);
    expect(existsSync(join(folder, "control"))).toBe(false);
  });

  test("is refused in the foreground's words and with its code, and leaves nothing", async () => {
    const runs = join(scratch, "refused");
    for (const set of ["risk.alpha=2", "risk.alhpa=1"]) {
      const args = ["run", "smoke", "--runs", runs, "--set", set];
      const [fore, back] = [await averse(args), await averse([...args, "--detach"])];
      expect(back).toEqual(fore);
      expect(back.code).toBe(2);
    }
    expect(existsSync(runs) ? readdirSync(runs) : []).toEqual([]);
    const there = join(scratch, "there");
    mkdirSync(there);
    const taken = await averse(["run", "smoke", "--detach", "--run-dir", there]);
    expect(taken.stderr).toContain(`the run folder ${there} already exists`);
    expect(taken.code).toBe(2);
  });

  test("that was killed is seen to be dead, resumes detached, and can be steered again", async () => {
    const { folder, pid } = await detached("killed");
    await untilTold(folder, "step", 3);
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
    expect(existsSync(join(folder, "control", "socket"))).toBe(true);
    const refused = await averse(["pause", folder]);
    expect(refused.stderr).toContain("killed: no controller is running (the last one died)");
    expect(refused.code).toBe(2);
    for (const [option, told] of [
      ["--plain", /killed: stopped/],
      ["--json", /"type":"step"/],
    ] as const) {
      const attached = await averse(["attach", folder, option]);
      expect(attached.stdout).toMatch(told);
      expect(attached.stderr).toMatch(
        /^killed: its controller died; `averse resume .*killed` continues/,
      );
      expect(attached.code).toBe(3);
    }
    const listed = JSON.parse((await averse(["ls", "--runs", scratch, "--json"])).stdout);
    expect(listed.find(({ id }: { id: string }) => id === "killed").state).toBe("stopped");
    const resumed = await averse(["resume", folder, "--detach", "--json"]);
    expect(resumed.stderr).toBe("");
    const again = JSON.parse(resumed.stdout).pid;
    controllers.add(again);
    await untilTold(folder, "run_resumed");
    const steps = count(folder, "step");
    await untilTold(folder, "step", steps + 2);
    expect((await averse(["stop", folder, "--now"])).code).toBe(0);
    await untilGone(again);
    expect(journalOf(folder).at(-1)).toMatchObject({ outcome: "interrupted" });
  });
});

describe("a run that is steered", () => {
  test("pauses, saves, is evaluated, continues, each once, and says why not", async () => {
    const { folder, pid } = await detached("steered");
    await untilTold(folder, "step", 3);
    const say = async (command: string, ...more: string[]): Promise<Finished> =>
      averse([command, "steered", "--runs", scratch, ...more]);
    expect((await say("continue")).stderr).toBe("steered: the run is not paused.\n");
    expect((await say("pause")).code).toBe(0);
    const again = await say("pause", "--json");
    expect(JSON.parse(again.stdout)).toEqual({
      type: "command",
      run: folder,
      command: "pause",
      refused: "the run is already paused",
    });
    expect(again.code).toBe(2);
    const state = async () => {
      const { stdout } = await averse(["ls", "--runs", scratch, "--json"]);
      return JSON.parse(stdout).find(({ id }: { id: string }) => id === "steered");
    };
    expect(await state()).toMatchObject({ state: "paused", etaSeconds: null });
    await atRest(folder, 2);
    const { size } = statSync(join(folder, "journal.jsonl"));
    expect((await say("checkpoint")).stderr).toContain("no trial has trained since");
    expect((await say("evaluate")).code).toBe(0);
    await untilTold(folder, "evaluated", 1);
    const since = readFileSync(join(folder, "journal.jsonl")).subarray(size).toString("utf8");
    expect(since).not.toContain('"type":"step"');
    expect((await say("continue")).code).toBe(0);
    const steps = count(folder, "step");
    await untilTold(folder, "step", steps + 2);
    expect(await state()).toMatchObject({ state: "running", iterations: 100_000 });
    expect((await say("stop", "--now")).code).toBe(0);
    await untilGone(pid);
    const over = await say("pause");
    expect(over.stderr).toContain("no controller is running (interrupted)");
    expect(over.code).toBe(2);
    const types = journalOf(folder).map(({ type }) => type);
    for (const type of ["paused", "continued", "checkpoint_requested", "evaluation_requested"]) {
      expect(
        types.filter((one) => one === type),
        type,
      ).toHaveLength(1);
    }
  });

  test("no such run is told, with the names there are", async () => {
    for (const command of ["pause", "continue", "stop", "attach"]) {
      const { code, stderr } = await averse([command, "nothing", "--runs", join(scratch, "none")]);
      expect(stderr).toContain(`there is no folder ${join(scratch, "none")}`);
      expect(code).toBe(2);
    }
  });

  test("in the foreground, too; its views end with it", async () => {
    const folder = join(scratch, "foreground");
    const run = start(["run", "smoke", "--plain", "--run-dir", folder, ...long]);
    await run.saying("iteration 3/");
    const views = [start(["attach", folder]), start(["attach", folder, "--json"])];
    await views[0]!.saying("iteration ");
    await views[1]!.saying('"type":"step"');
    expect((await averse(["stop", folder])).code).toBe(0);
    expect((await run.finished).code).toBe(130);
    const [lines, events] = await Promise.all(views.map(({ finished }) => finished));
    expect(lines).toMatchObject({ code: 0, stderr: "" });
    expect(lines!.stdout).toMatch(
      /foreground: running[\s\S]*stop requested: current iterations are finished/,
    );
    expect(lines!.stdout.trimEnd().split("\n").at(-1)).toMatch(/^run interrupted after/);
    const told = events!.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const written = journalOf(folder).map(({ checksum: _, ...event }) => event);
    expect(told).toEqual(written);
  });

  test("runs all the same where no socket can be made, and says so", async () => {
    const folder = join(scratch, "deaf");
    // Something that is no folder stands where the socket's would be made.
    const run = start(["run", "smoke", "--plain", "--run-dir", folder, ...long], {
      env: { NODE_OPTIONS: `--import ${blocker()}` },
    });
    await run.saying("iteration 3/");
    const refused = await averse(["pause", folder]);
    expect(refused.stderr).toMatch(/its controller, process \d+ on .*, does not respond/);
    expect(refused.code).toBe(2);
    // Views go by the journal then, to the run's end.
    const views = [start(["attach", folder]), start(["attach", folder, "--json"])];
    const steps = count(folder, "step");
    await views[0]!.saying("iteration ");
    await views[1]!.saying(`"step":${steps + 3},`);
    run.child.kill("SIGTERM");
    const { stdout, code } = await run.finished;
    const [lines, events] = await Promise.all(views.map(({ finished }) => finished));
    expect(lines!.stderr).toContain("deaf: its controller cannot be reached from here");
    expect(lines!.code).toBe(0);
    expect(lines!.stdout.trimEnd().split("\n").at(-1)).toMatch(/^run interrupted after/);
    expect(events!.stdout.trimEnd().split("\n")).toHaveLength(journalOf(folder).length);
    expect(events!.code).toBe(0);
    expect(stdout).toContain("warning: no other terminal can attach to this run or steer it");
    expect(code).toBe(130);
  });
});

describe("attached to a run", () => {
  test("that is over: how it stands, or every event, at once", async () => {
    const folder = join(scratch, "short");
    const set = ["--set", "training.iterations=4"];
    const ran = await averse(["run", "smoke", "--json", "--run-dir", folder, ...set]);
    expect(ran.code).toBe(0);
    const lines = await averse(["attach", "short", "--runs", scratch]);
    expect(lines.stdout).toMatch(/short: done\n[\s\S]*ra-rlhf-s0 +done +4\/4/);
    expect(lines.code).toBe(0);
    const events = await averse(["attach", folder, "--json"]);
    const asRun = ran.stdout
      .trimEnd()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    const told = events.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toEqual(asRun);
  });

  test("scripts get all that the screen shows, live and afterwards", async () => {
    const { folder, pid } = await detached("shown");
    await untilTold(folder, "step", 3);
    await averse(["pause", folder]);
    await atRest(folder, 2);
    const shown = async () => JSON.parse((await averse(["show", folder, "--json"])).stdout);
    const { view, trials } = await shown();
    const steps = count(folder, "step");
    const [{ parallel }] = journalOf(folder) as [{ type: string; parallel: number }];
    expect(view).toMatchObject({ live: true, state: "paused", eta_seconds: null, parallel });
    expect(trials.map(({ trial }: { trial: string }) => trial)).toEqual(["sft-s0", "rlhf-s0"]);
    expect(view.trials["rlhf-s0"]).toMatchObject({
      status: "running",
      iterations: 100_000,
      restarts: 0,
      worker: { device: "cpu" },
    });
    expect(view.trials["rlhf-s0"].steps).toHaveLength(steps);
    expect(view.trials["rlhf-s0"].steps[0]).toMatchObject({ step: 0, kept: expect.any(Number) });
    expect(view.trials["rlhf-s0"].steps[0]).not.toHaveProperty("episodes");
    expect(view.log.at(-1).text).toMatch(/^checkpoint/);
    expect(view.log.map(({ text }: { text: string }) => text)).toContain(
      "paused after the current iterations",
    );
    await averse(["stop", folder]);
    await untilGone(pid);
    const after = (await shown()).view;
    expect(after).toMatchObject({ live: false, state: "interrupted" });
    expect(after.trials["rlhf-s0"].checkpoints).toEqual([steps]);
  });
});

describe("the end of a window", () => {
  /** @returns how the command ended that the window was of, negative: by a signal */
  async function closed(file: string, text: string, args: readonly string[]): Promise<number> {
    const words = [file, text, "--", process.execPath, join(root, "dist", "main.js"), ...args];
    const { stdout } = await promisify(execFile)(
      join(root, ".venv", "bin", "python"),
      [join(root, "test", "cli", "closed-window.py"), ...words],
      { env: { ...process.env, TERM: "xterm-256color" } },
    );
    return Number(stdout);
  }

  test.each([[["--plain"]], [[]]])("lets a run in it save and stop %j", async (options) => {
    const folder = join(scratch, `window${options.join("")}`);
    const args = ["run", "smoke", "--run-dir", folder, ...options, ...long];
    const ended = await closed(join(folder, "journal.jsonl"), '"type":"step","step":3,', args);
    expect(ended).toBe(-constants.signals.SIGHUP);
    const journal = journalOf(folder);
    const trials = journal.filter(({ type }) => type === "trial_interrupted");
    // A trial that had not begun has nothing to save.
    for (const { saved, step } of trials) expect(saved ?? 0).toBe(step);
    expect(trials.some(({ step }) => Number(step) > 0)).toBe(true);
    expect(journal.at(-1)).toMatchObject({ type: "run_finished", outcome: "interrupted" });
  });

  test("of an attached view is nothing to the run", async () => {
    const { folder, pid } = await detached("watched");
    await closed("-", "0 Trials", ["attach", folder]);
    const steps = count(folder, "step");
    await untilTold(folder, "step", steps + 3);
    expect(count(folder, "stop_requested")).toBe(0);
    await averse(["stop", folder, "--now"]);
    await untilGone(pid);
  });
});

/** A module that makes every socket of the process fail; @returns its path */
function blocker(): string {
  const path = join(scratch, "no-sockets.mjs");
  writeFileSync(
    path,
    `import { Server } from "node:net";
    const listen = Server.prototype.listen;
    Server.prototype.listen = function (at, ...rest) {
      if (typeof at !== "string" || !at.endsWith("socket")) return listen.call(this, at, ...rest);
      setImmediate(() => this.emit("error", new Error("no room for a socket")));
      return this;
    };\n`,
  );
  expect(basename(path)).toBe("no-sockets.mjs");
  return path;
}
