import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Episodes } from "../../../../src/journal/events.js";
import {
  promptVisits,
  returnQuantiles,
} from "../../../../src/tui/dashboard/panels/episodes-of-step.js";
import { logRows } from "../../../../src/tui/dashboard/panels/event-log.js";
import { repeatedTail, stepTail } from "../../../../src/tui/dashboard/panels/step-tail.js";
import {
  type TailInput,
  TailPanel,
  tailPageExtent,
} from "../../../../src/tui/dashboard/panels/tail-panel.js";
import { tailRows } from "../../../../src/tui/dashboard/panels/tail-rows.js";
import type { Size } from "../../../../src/tui/terminal/line.js";
import { drawn, rich } from "../../drawn.js";

const draw = (input: TailInput, { width, height }: Size): string =>
  drawn(<TailPanel {...input} width={width} height={height} />, { columns: width, rows: height });

const batch: Episodes = {
  prompt: [11, 12, 11, 14, 15],
  reward: [1, -2, null, 0.5, -2],
  kl: [3, 4, 5, 6, 7],
  return: [0.4, -2.8, null, -0.7, -2.8],
  length: [10, 20, 30, 40, 50],
  weight: [0, 1, 0, 0.5, 1],
};

describe("tailRows", () => {
  const texts = [{ episode: 1, prompt: "A Bad start", completion: "and worse" }];
  const episodesOf = (filter: string): number[] =>
    tailRows(batch, texts, filter).map(({ episode }) => episode);

  test("are the worst first, ties by place, failed ones last", () => {
    expect(episodesOf("")).toEqual([1, 4, 3, 0, 2]);
    expect(tailRows(batch, texts, "").map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([
    ["weight>0", [1, 4, 3]],
    ["kl>=5 weight>0", [4, 3]],
    ["reward<-1.5", [1, 4]],
    ["REWARD=.5", [3]],
    ["prompt=11", [0, 2]],
    ["length<=20", [1, 0]],
    ["bad", [1]],
    ["bad worse", [1]],
    ["bad better", []],
    ["14", [3]],
  ])("with %j", (filter, expected) => {
    expect(episodesOf(filter)).toEqual(expected);
  });

  test("keep their rank when others are filtered out", () => {
    expect(tailRows(batch, texts, "prompt=14").map(({ rank }) => rank)).toEqual([3]);
  });
});

describe("the tail browser", () => {
  const secret = "unspeakable";
  const input = {
    iteration: 1,
    episodes: batch,
    texts: [{ episode: 1, prompt: secret, completion: secret }],
    filter: "",
    completions: 1,
    grouped: false,
    selected: 0,
    offset: 0,
  };
  const history = promptVisits(1, batch, 12);
  const shown = (revealed: boolean, visits: typeof history | null): string =>
    draw({ ...input, revealed, history: visits }, { width: 100, height: 30 });

  test.each([
    ["list", null],
    ["history", history],
  ])("masks texts in the %s until they are revealed", (_, visits) => {
    expect(shown(false, visits)).not.toContain(secret);
    expect(shown(false, visits)).toContain("u··········");
    expect(shown(true, visits)).toContain(secret);
  });

  test("keeps the selection in view wherever it is", () => {
    fc.assert(
      fc.property(
        fc.nat(4),
        fc.integer(),
        fc.integer({ min: 1, max: 20 }),
        (selected, offset, height) => {
          const view = { ...input, selected, offset, revealed: false, history: null };
          expect(height === 1 || draw(view, { width: 90, height }).includes("▸")).toBe(true);
        },
      ),
    );
  });
});

describe("an episode's page", () => {
  const view = (completion: string, history: TailInput["history"]) => ({
    iteration: 1,
    episodes: batch,
    texts: [{ episode: 1, prompt: "a prompt", completion }],
    filter: "",
    completions: 1,
    grouped: false,
    selected: 0,
    revealed: true,
    history,
  });

  test("gives all of the texts, window by window, at any size", () => {
    const pieces = fc.array(
      fc.constantFrom("word", "漢字漢字漢字漢字漢字", "x".repeat(90), "\n", "a b", "😀"),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        pieces,
        fc.integer({ min: 20, max: 120 }),
        fc.integer({ min: 2, max: 30 }),
        (words, width, height) => {
          const completion = `first ${words.join(" ")} last`;
          const page = view(completion, []);
          const size = { width, height };
          const { rows, end } = tailPageExtent({ ...page, offset: 0 }, size, rich)!;
          const window = (offset: number): string[] =>
            draw({ ...page, offset }, size)
              .split("\n")
              .slice(1);
          const whole = Math.ceil(end / rows);
          const read = [
            ...Array.from({ length: whole }, (_, at) => at * rows).flatMap(window),
            ...window(end).slice(end === 0 ? 0 : rows * whole - end),
          ].join("");
          expect(read.replaceAll(" ", "")).toContain(completion.replace(/[ \n]/g, ""));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("is told of where a text below the list is cut", () => {
    const shown = (completion: string): string =>
      draw({ ...view(completion, null), offset: 0 }, { width: 80, height: 24 });
    expect(shown("word ".repeat(900))).toContain("Enter shows all");
    expect(shown("漢".repeat(900)).match(/漢/g)!.length).toBeGreaterThan(300);
    expect(shown("x".repeat(200))).not.toContain("Enter shows all");
    const [, below = ""] = shown("x".repeat(200)).split("Episode 1");
    expect(below.match(/x/g)).toHaveLength(200);
  });
});

describe("the step's tail", () => {
  test("is what was kept", () => {
    const { inTail, byWeight } = stepTail(batch, -2.8);
    expect(byWeight).toBe(true);
    expect([0, 1, 2, 3, 4].map(inTail)).toEqual([false, true, false, true, true]);
  });

  test("is what lies under VaR where all that have a return were kept", () => {
    const all = { ...batch, weight: [1, 1, 0, 1, 1] };
    const { inTail, byWeight } = stepTail(all, -0.7);
    expect(byWeight).toBe(false);
    expect([0, 1, 2, 3, 4].map(inTail)).toEqual([false, true, false, true, true]);
  });

  test("comes back in the fraction of its prompts that were kept before", () => {
    const next = { ...batch, prompt: [11, 12, 13, 20, 21] };
    expect(repeatedTail(next, batch)).toBe(1 / 3);
    expect(repeatedTail(batch, batch)).toBe(1);
    expect(repeatedTail(batch, null)).toBeNull();
    expect(repeatedTail(batch, { ...batch, weight: [1, 1, 0, 1, 1] })).toBeNull();
  });
});

test("returnQuantiles leaves out failed rewards", () => {
  expect(returnQuantiles(9, batch)).toEqual({
    x: 9,
    q05: -2.8,
    q25: -2.8,
    q50: -1.75,
    q75: expect.closeTo(-0.425),
    q95: expect.closeTo(0.235),
  });
  expect(returnQuantiles(9, { ...batch, return: [null, null, null, null, null] })).toBeNull();
});

test("promptVisits finds every episode of a prompt", () => {
  expect(promptVisits(6, batch, 11)).toEqual([
    { iteration: 6, reward: 1, kl: 3, return: 0.4, length: 10, weight: 0 },
    { iteration: 6, reward: null, kl: 5, return: null, length: 30, weight: 0 },
  ]);
  expect(promptVisits(6, batch, 99)).toEqual([]);
});

test("logRows looks at trial, level and text", () => {
  const line = { seq: 1, time: "", trial: "rlhf-s0", level: "warning" as const, text: "Slow disk" };
  const log = [line, { ...line, trial: null, text: "fast" }];
  expect(logRows(log, "slow rlhf WARNING")).toEqual([line]);
  expect(logRows(log, "warning")).toHaveLength(2);
  expect(logRows(log, " ")).toBe(log);
});
