/** Ctrl-C and its kin, on a run that would take minutes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { buildProgramFirst, type Started, scratch, start } from "./averse.js";

buildProgramFirst();

function longRun(name: string): { folder: string; run: Started } {
  const folder = join(scratch, name);
  const long = [
    "training.iterations=100000",
    "evaluation.every=0",
    "checkpoint.every=0",
    "arms=rlhf",
  ];
  const set = long.flatMap((one) => ["--set", one]);
  return { folder, run: start(["run", "smoke", "--plain", "--run-dir", folder, ...set]) };
}

function journalOf(folder: string): { type: string; [key: string]: unknown }[] {
  const lines = readFileSync(join(folder, "journal.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a run that is asked to stop", { timeout: 90_000 }, () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "once (%s) checkpoints and ends with 130",
    async (signal) => {
      const { folder, run } = longRun(signal.toLowerCase());
      await run.saying("step 3/");
      run.child.kill(signal);
      // `npm start` passes on the terminal's Ctrl-C once more, at once: still one.
      if (signal === "SIGINT") run.child.kill(signal);
      const { code, stdout, stderr } = await run.finished;
      expect(code).toBe(130);
      expect(stdout).toContain("Stopping: steps in hand are finished");
      expect(stderr).toContain(`Interrupted; \`averse resume ${folder}\` goes on from the last`);
      const journal = journalOf(folder);
      const stopped = journal.find(({ type }) => type === "trial_interrupted")!;
      expect(stopped.saved).toBe(stopped.step);
      expect(journal.at(-1)).toMatchObject({ type: "run_finished", outcome: "interrupted" });
      const workers = journal
        .filter(({ type }) => type === "worker_opened")
        .map(({ pid }) => Number(pid));
      expect(workers.filter(isAlive)).toEqual([]);
    },
  );

  test("twice breaks off at once, and ends with 130", async () => {
    const { folder, run } = longRun("twice");
    await run.saying("step 3/");
    run.child.kill("SIGINT");
    await pause(400);
    run.child.kill("SIGINT");
    const { code } = await run.finished;
    expect(code).toBe(130);
    const journal = journalOf(folder);
    expect(journal.at(-1)).toMatchObject({ type: "run_finished", outcome: "interrupted" });
    const workers = journal
      .filter(({ type }) => type === "worker_opened")
      .map(({ pid }) => Number(pid));
    expect(workers.filter(isAlive)).toEqual([]);
  });

  test("by a reader of its output that goes away", async () => {
    const { folder, run } = longRun("epipe");
    await run.saying("step 3/");
    run.child.stdout!.destroy();
    const { code } = await run.finished;
    expect(code).toBe(130);
    expect(journalOf(folder).at(-1)).toMatchObject({
      type: "run_finished",
      outcome: "interrupted",
    });
  });
});
