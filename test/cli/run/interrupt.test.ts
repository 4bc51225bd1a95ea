/** Ctrl-C and its kin, on a run that would take minutes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { identityOf, lifeOf } from "../../../src/system/processes.js";
import { buildProgramFirst, root, type Started, scratch, start } from "../averse.js";

buildProgramFirst();

function longRun(
  name: string,
  settings: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): { folder: string; run: Started } {
  const folder = join(scratch, name);
  const long = [
    "training.iterations=100000",
    "evaluation.every=0",
    "checkpoint.every=0",
    "arms=rlhf",
    ...settings,
  ];
  const set = long.flatMap((one) => ["--set", one]);
  const args = ["run", "smoke", "--plain", "--run-dir", folder, ...set];
  return { folder, run: start(args, { env }) };
}

function journalOf(folder: string): { type: string; [key: string]: unknown }[] {
  const lines = readFileSync(join(folder, "journal.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const isAlive = (pid: number) => lifeOf(identityOf(pid)) === "lives";

describe("a run that is asked to stop", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "once (%s) checkpoints and ends with 130",
    async (signal) => {
      const { folder, run } = longRun(signal.toLowerCase());
      await run.saying("iteration 3/");
      run.child.kill(signal);
      // `npm start` passes on the terminal's Ctrl-C once more, at once: still one.
      if (signal === "SIGINT") run.child.kill(signal);
      const { code, stdout, stderr } = await run.finished;
      expect(code).toBe(130);
      expect(stdout).toContain("Stopping after the current iterations");
      expect(stderr).toContain(`Interrupted; \`averse resume ${folder}\` continues from the last`);
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

  test("twice aborts at once, and ends with 130", async () => {
    // A step that would take an hour: the first request alone ends nothing.
    const worker = `backend.worker=${join(root, "test", "terminal", "paced.yaml")}`;
    const { folder, run } = longRun("twice", [worker], { AVERSE_TEST_PACE: "3600" });
    await run.saying("rlhf-s0  models loaded");
    run.child.kill("SIGINT");
    await run.saying("Stopping after the current iterations");
    const told = run.saying("Aborting").then(() => true);
    let heard = false;
    while (!heard) {
      // One that comes too soon is the first one still.
      run.child.kill("SIGINT");
      heard = await Promise.race([told, pause(1000, false)]);
    }
    const { code, stdout, stderr } = await run.finished;
    expect(stdout).toContain("Aborting.");
    expect(stderr).toContain("rlhf-s0 starts again: nothing of it was saved.");
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
    await run.saying("iteration 3/");
    run.child.stdout!.destroy();
    const { code } = await run.finished;
    expect(code).toBe(130);
    expect(journalOf(folder).at(-1)).toMatchObject({
      type: "run_finished",
      outcome: "interrupted",
    });
  });
});
