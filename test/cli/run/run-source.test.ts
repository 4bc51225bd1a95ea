/** Runs as views get them: of this process, of another, over, and taken up again. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CommandQueue } from "../../../src/cli/run/command-queue.js";
import { AttachedRun, OwnRun } from "../../../src/cli/run/run-source.js";
import type { RunCommand } from "../../../src/engine/commands.js";
import type { EventPayload } from "../../../src/journal/events.js";
import { makeAddress } from "../../../src/live/address.js";
import { type RunServer, serveRun } from "../../../src/live/server.js";
import type { ProgressObservation, RunSource } from "../../../src/run-model/run-source.js";
import type { RunRecorder } from "../../../src/store/recorder.js";
import { evaluatedPayload, stepPayload } from "../../engine/event-payloads.js";
import { smallExperiment } from "../../engine/experiments.js";
import { eventually } from "../../eventually.js";
import { newRun } from "../../store/folders.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const one of open.splice(0)) await one.close();
});

const progress = (trial: string, done: number): ProgressObservation => {
  return { kind: "progress", trial, phase: "sample", done, total: 9, unit: "tokens", loss: null };
};

/** What a view heard of a run. */
function heard(run: RunSource) {
  const told: (string | ProgressObservation)[] = [];
  const unlisten = run.listen({
    journal: () => told.push("journal"),
    progress: (one) => told.push(one),
    closed: () => told.push("closed"),
  });
  return { told, unlisten };
}

const types = (run: RunSource) => [...run.read()].flat().map(({ head }) => head.type);

async function attached(recorder: RunRecorder): Promise<AttachedRun> {
  const run = await AttachedRun.open(recorder.directory);
  open.push(run);
  return run;
}

async function served(run: RunRecorder, ask: (command: RunCommand) => string | null = () => null) {
  const server: RunServer = await serveRun(run.directory, ask);
  open.push(server);
  return server;
}

describe("what is on disk", () => {
  test("events, episodes inline and in files, and texts, are the same for every source", async () => {
    const recorder = newRun();
    const many = (count: number) => {
      const of = (value: number) => Array.from({ length: count }, () => value);
      return {
        prompt: of(3),
        reward: of(-2),
        kl: of(1),
        return: of(-3),
        length: of(5),
        weight: of(1),
      };
    };
    recorder.append("rlhf-s0", stepPayload({ step: 0, episodes: many(2) }));
    recorder.append("rlhf-s0", stepPayload({ step: 1, batch: 5000, episodes: many(5000) }));
    recorder.append("rlhf-s0", evaluatedPayload({ step: 2 }));
    const texts = [{ episode: 1, prompt: "a", completion: "b" }];
    recorder.writeTexts("rlhf-s0", 1, texts);
    const own = new OwnRun(recorder.directory, smallExperiment(), new CommandQueue());
    for (const run of [own, await attached(recorder)]) {
      const [first, second, third] = [...run.read()].flat();
      expect(run.episodes(first!)).toEqual(many(2));
      expect(run.episodes(second!)).toEqual(many(5000));
      expect(run.event(second!)).toMatchObject({ episodes: { count: 5000 } });
      expect(() => run.episodes(third!)).toThrow(/event 3 is no step/);
      expect(run.texts("rlhf-s0", 1)).toEqual(texts);
      expect(run.texts("rlhf-s0", 0)).toEqual([]);
      expect(run.experiment).toEqual(smallExperiment());
      expect(run.directory).toBe(recorder.directory);
      expect(recorder.directory.endsWith(join("/", run.id))).toBe(true);
    }
  });
});

describe("a run of this process", () => {
  test("passes on what the engine shows, and asks it", async () => {
    const recorder = newRun();
    const commands = new CommandQueue();
    const run = new OwnRun(recorder.directory, smallExperiment(), commands);
    const happen = (trial: string | null, eventPayload: EventPayload) =>
      run.observe({ kind: "event", event: recorder.append(trial, eventPayload) });
    run.observe(progress("rlhf-s0", 1));
    run.observe(progress("sft-s0", 2));
    happen("sft-s0", { type: "trial_finished", seconds: 1 });
    const { told, unlisten } = heard(run);
    expect(told).toEqual([progress("rlhf-s0", 1)]);
    happen(null, { type: "paused" });
    expect(types(run)).toEqual(["trial_finished", "paused"]);
    expect(await run.ask("pause")).toBe("the run is just starting or ending");
    const withdraw = commands.source((command) => `no ${command}`);
    expect(await run.ask("pause")).toBe("no pause");
    withdraw();
    expect(run).toMatchObject({ live: true, foreground: true });
    run.end();
    run.end();
    expect(told.slice(1)).toEqual(["journal", "closed"]);
    expect(run.live).toBe(false);
    unlisten();
    run.observe(progress("rlhf-s0", 3));
    expect(told).toHaveLength(3);
  });
});

describe("a run of another process", () => {
  test("is heard and asked over its socket, until it ends", async () => {
    const recorder = newRun();
    const server = await served(recorder, (command) => (command === "pause" ? null : "not now"));
    server.observe(progress("rlhf-s0", 1));
    const run = await attached(recorder);
    const { told } = heard(run);
    expect(told).toEqual([progress("rlhf-s0", 1)]);
    const event = recorder.append(null, { type: "paused" });
    server.observe({ kind: "event", event });
    await eventually(() => expect(told.at(-1)).toBe("journal"));
    expect(types(run)).toEqual(["paused"]);
    expect([await run.ask("pause"), await run.ask("stop")]).toEqual([null, "not now"]);
    expect(run).toMatchObject({ live: true, foreground: false });
    await server.close();
    await eventually(() => expect(told.at(-1)).toBe("closed"));
    expect(run.live).toBe(false);
    expect(await run.ask("pause")).toBe("no controller is running");
  });

  test("that somebody takes up again is found, and its journal is looked at meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    const recorder = newRun();
    const run = await attached(recorder);
    expect(run.live).toBe(false);
    const { told } = heard(run);
    recorder.append(null, { type: "paused" });
    vi.advanceTimersByTime(2000);
    await eventually(() => expect(told).toEqual(["journal"]));
    expect(types(run)).toEqual(["paused"]);
    vi.advanceTimersByTime(2000);
    await new Promise(setImmediate);
    expect(told).toEqual(["journal"]);
    await served(recorder);
    await eventually(() => {
      vi.advanceTimersByTime(2000);
      expect(run.live).toBe(true);
    });
    expect(await run.ask("pause")).toBeNull();
  });

  test("tells nothing of a controller that took it up before that one can be asked", async () => {
    vi.useFakeTimers({ toFake: ["setInterval"] });
    const recorder = newRun();
    const run = await attached(recorder);
    const liveWhenTold: boolean[] = [];
    const nothing = () => {};
    run.listen({
      journal: () => liveWhenTold.push(run.live),
      progress: nothing,
      closed: nothing,
    });
    // As a controller that was killed leaves it: the look that begins now finds nobody there.
    writeFileSync(makeAddress(recorder.directory).path, "");
    vi.advanceTimersByTime(500);
    recorder.append(null, { type: "paused" });
    await served(recorder);
    await eventually(() => {
      vi.advanceTimersByTime(500);
      expect(run.live).toBe(true);
    });
    expect(liveWhenTold).toEqual([true]);
  });

  test("once it is let go, tells nothing more", async () => {
    const recorder = newRun();
    await served(recorder);
    const run = await attached(recorder);
    const { told } = heard(run);
    run.close();
    await eventually(() => expect(run.live).toBe(false));
    expect(told).toEqual([]);
  });
});
