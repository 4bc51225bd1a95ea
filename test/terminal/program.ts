/** The program in windows of its own, in a folder with one experiment that can be watched. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { connectToRun } from "../../src/live/client.js";
import { holderOf } from "../../src/store/run-lock.js";
import { averse, root } from "../cli/averse.js";
import { eventually } from "../eventually.js";
import { ordinary } from "./emulator.js";
import { cooked, TerminalWindow, type WindowEnd, type WindowOptions } from "./terminal-window.js";

const open = new Set<TerminalWindow>();
const workplaces = new Set<string>();

/** Call once in a file of tests: windows are closed and runs are over after each test. */
export function leaveNothingBehind(): void {
  afterEach(async () => {
    for (const window of open) window.close();
    open.clear();
    for (const cwd of workplaces) {
      const runs = join(cwd, "runs");
      for (const id of existsSync(runs) ? readdirSync(runs) : []) await end(join(runs, id));
    }
    workplaces.clear();
  });
}

/** Aborts a run until nobody runs it; its controller may be starting, and hear nothing yet. */
async function end(run: string): Promise<void> {
  const nothing = () => {};
  await eventually(async () => {
    if (holderOf(run) === null) return;
    const heard = { onJournal: nothing, onProgress: nothing, onClosed: nothing };
    const link = await connectToRun(run, heard);
    await link?.ask("abort").catch(nothing);
    link?.close();
    expect(holderOf(run)).toBeNull();
  });
}

/** `averse` with these arguments, in a window. */
export function averseWindow(args: readonly string[], options: WindowOptions): TerminalWindow {
  const window = new TerminalWindow([join(root, "dist", "main.js"), ...args], options);
  open.add(window);
  return window;
}

/** A folder to work in, with the experiment `tail`: so many iterations, some 20 ms each. */
export function workplace(parent: string, name: string, iterations: number): string {
  const folder = join(parent, name);
  workplaces.add(folder);
  mkdirSync(join(folder, "configs", "experiments"), { recursive: true });
  const experiment = {
    name: "tail",
    purpose: "two arms that can be watched",
    arms: ["rlhf", "ra-rlhf"],
    seeds: [0],
    sft: { steps: 2, batch: 8, max_tokens: 32 },
    rollout: { prompt_tokens: 16, new_tokens: 8 },
    training: { iterations, batch: 32, minibatch: 16, epochs: 1, learning_rate: 1e-3 },
    risk: { alpha: 0.4, warmup: 5 },
    checkpoint: { every: 50 },
    evaluation: { prompts: 40, every: 50, every_prompts: 20, samples: 4 },
    backend: { worker: join(root, "test", "terminal", "paced.yaml") },
  };
  const file = join(folder, "configs", "experiments", "tail.yaml");
  writeFileSync(file, JSON.stringify(experiment));
  return folder;
}

/** From the overview to the trial at work, once it has done an iteration. */
export async function openTrial(window: TerminalWindow): Promise<void> {
  await window.shows("0 Trials");
  window.press("1");
  await window.shows(/iteration [1-9]\d*\/100000/);
}

/** The terminal is as it was before the program, and no frame was too high or too wide. */
export function expectTidy(window: TerminalWindow, end: WindowEnd): void {
  expect(window.emulator.faults).toEqual([]);
  expect(window.modes).toEqual(ordinary);
  expect(end.modes).toEqual(cooked);
}

/** Runs that are listed from another shell. */
export async function runsIn(cwd: string): Promise<{ id: string; state: string }[]> {
  const { stdout } = await averse(["ls", "--json"], { cwd });
  return JSON.parse(stdout);
}

/** The experiment `tail`, in the background. */
export async function detachedRun(cwd: string): Promise<void> {
  const { code, stderr } = await averse(["run", "tail", "--detach"], { cwd });
  expect(code, stderr).toBe(0);
}
