import { describe, expect, test } from "vitest";
import type { TrialModel } from "../../../src/run-model/run-model.js";
import { promptVisits } from "../../../src/tui/dashboard/panels/episodes-of-step.js";
import { RecentMap } from "../../../src/tui/dashboard/recent-map.js";
import { StepReader, sampledSteps } from "../../../src/tui/dashboard/step-reader.js";
import { sampleRun } from "../../run-model/sample-run.js";

const run = sampleRun(3, 50);
const { steps } = run.trial;

function reading() {
  const read: number[] = [];
  const reader = new StepReader({
    episodes: ({ offset }) => {
      read.push(offset / 1000);
      return run.events[offset / 1000]!.episodes;
    },
    workerLog: () => [],
    texts: () => {
      throw new Error("gone");
    },
  });
  return { reader, read };
}

/** Works until nothing is left, a step at a time. */
function work(reader: StepReader): number {
  let turns = 0;
  for (let clock = 0; reader.work(() => clock++, clock + 1); turns += 1) {
    expect(turns).toBeLessThan(1000);
  }
  return turns;
}

describe("episodes", () => {
  test("of a step are read once while it is among the last looked at", () => {
    const { reader, read } = reading();
    expect(reader.episodes(steps[4])).toBe(run.events[4]!.episodes);
    reader.episodes(steps[4]);
    expect(read).toEqual([4]);
    for (let at = 5; at < 25; at += 1) {
      reader.episodes(steps[at]);
    }
    reader.episodes(steps[4]);
    expect(read.filter((step) => step === 4)).toHaveLength(2);
  });

  test("and texts that cannot be read are none: the rest of the screen stays", () => {
    const broken = new StepReader({
      episodes: () => {
        throw new Error("gone");
      },
      texts: () => {
        throw new Error("gone");
      },
      workerLog: () => {
        throw new Error("gone");
      },
    });
    expect(broken.workerLog("t")).toEqual(["its log cannot be read: gone"]);
    expect(broken.episodes(steps[0])).toBeNull();
    expect(broken.texts("t", 0, steps[0]!.entry)).toEqual([]);
    expect(broken.episodes(undefined)).toBeNull();
  });
});

describe("quantiles", () => {
  test("come as they are read, the newest first, no step more than there are columns", () => {
    const { reader, read } = reading();
    expect(reader.quantiles(steps, null, 20)).toEqual([]);
    expect(read).toEqual([]);
    work(reader);
    const rows = reader.quantiles(steps, null, 20);
    expect(read[0]).toBe(49);
    expect(rows.length).toBe(read.length);
    expect(rows.length).toBeLessThanOrEqual(20);
    expect(rows.map(({ x }) => x)).toEqual(rows.map(({ x }) => x).sort((x, y) => x - y));
  });

  test("of a history that grows read what is new", () => {
    const { reader, read } = reading();
    reader.quantiles(steps.slice(0, 40), null, 20);
    work(reader);
    const before = read.length;
    reader.quantiles(steps.slice(0, 42), null, 20);
    work(reader);
    expect(read.length - before).toBeLessThanOrEqual(2);
  });
});

describe("a prompt's history", () => {
  const { prompt } = run.events[10]!.episodes;
  const wanted = prompt[0]!;
  const all = run.events.flatMap(({ step, episodes }) => promptVisits(step + 1, episodes, wanted));

  test("is found in all steps, newest first, and comes ascending", () => {
    const { reader, read } = reading();
    expect(reader.history(run.trial, wanted)).toEqual([]);
    work(reader);
    expect(read[0]).toBe(49);
    expect(reader.history(run.trial, wanted)).toEqual(all);
    expect(new Set(read).size).toBe(50);
    expect(read).toHaveLength(50);
  });

  test("takes in steps that come later, and forgets those that are done again", () => {
    const { reader, read } = reading();
    const upTo = (count: number): TrialModel => ({ ...run.trial, steps: steps.slice(0, count) });
    reader.history(upTo(30), wanted);
    work(reader);
    reader.history(upTo(20), wanted);
    work(reader);
    expect(read).toHaveLength(30);
    expect(reader.history(upTo(20), wanted)).toEqual(
      all.filter(({ iteration }) => iteration <= 20),
    );
    reader.history(upTo(50), wanted);
    work(reader);
    expect(reader.history(upTo(50), wanted)).toEqual(all);
    expect(read).toHaveLength(50);
  });

  test("is read no further once nobody looks at it", () => {
    const { reader, read } = reading();
    reader.history(run.trial, wanted);
    reader.forgetHistory();
    expect(work(reader)).toBe(0);
    expect(read).toEqual([]);
  });
});

describe("sampledSteps", () => {
  test("has the newest, at most so many, and all where they fit", () => {
    for (const columns of [0, 1, 2, 3, 7, 20, 49, 50, 51]) {
      const sampled = sampledSteps(steps, null, columns);
      expect(sampled.length).toBeLessThanOrEqual(columns);
      expect(sampled.at(-1)).toBe(columns === 0 ? undefined : steps.at(-1));
    }
    expect(sampledSteps(steps, null, 50)).toEqual(steps);
    expect(sampledSteps(steps, { from: 11, to: 13 }, 50)).toEqual(steps.slice(10, 13));
  });
});

describe("RecentMap", () => {
  test("lets go of what was not asked for the longest", () => {
    const map = new RecentMap<string, number>(2);
    map.get("a", () => 1);
    map.get("b", () => 2);
    map.get("a", () => 9);
    map.get("c", () => 3);
    expect([map.peek("a"), map.has("b"), map.peek("c")]).toEqual([1, false, 3]);
  });
});
