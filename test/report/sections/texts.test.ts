import { describe, expect, test } from "vitest";
import { gatherReport, type LastBatch } from "../../../src/report/report-data.js";
import { textsSection } from "../../../src/report/sections/texts.js";
import { fixtureRun } from "../fixture.js";

const run = fixtureRun({ iterations: 20, prompts: 50, several: true });

const batch: LastBatch = {
  trial: "ra-rlhf-s0",
  step: 19,
  completions: 2,
  episodes: {
    components: { polite: [1, -3, null, 2, 0, 0] },
    prompt: [7, 7, 9, 9, 7, 7],
    reward: [1, -3, null, 2, 0.5, 0],
    kl: [1, 1, 1, 1, 1, 1],
    return: [0.8, -3.2, null, 1.8, 0.3, -0.2],
    length: [4, 4, 4, 4, 4, 4],
    weight: [0, 1, 0, 0, 0, 1],
  },
  texts: [0, 1].map((episode) => ({
    episode,
    prompt: "You are",
    completion: `dreadful <b>${episode}</b>`,
  })),
};

const section = (lastBatches: readonly LastBatch[], showText: boolean) =>
  textsSection(gatherReport({ ...run, lastBatches }), { showText });

describe("completions by prompt", () => {
  test("are shown for the worst prompts of the last iteration, a prompt drawn twice as two", () => {
    const details = section([batch], true).flatMap((block) =>
      block.kind === "details" && block.summary.includes("prompts of each arm") ? block.blocks : [],
    );
    const headings = details.flatMap((block) => (block.kind === "subheading" ? block.text : []));
    expect(headings).toEqual([
      "ra-rlhf, iteration 20, prompt 7: You are",
      "ra-rlhf, iteration 20, prompt 7",
      "ra-rlhf, iteration 20, prompt 9",
    ]);
    expect(JSON.stringify(details)).toContain("Mean return −1.20, spread 2.83.");
    const [first] = details.flatMap((block) => (block.kind === "table" ? [block] : []));
    expect(first!.head).toEqual(["completion", "return", "reward", "polite", "weight"]);
    expect(first!.rows.map((row) => row.map(({ main }) => main))).toEqual([
      ["dreadful <b>1</b>", "−3.20", "−3.00", "−3.00", "1.00"],
      ["dreadful <b>0</b>", "0.80", "1.00", "1.00", "0.00"],
    ]);
  });

  test("are masked unless asked for, and left out with one completion per prompt", () => {
    expect(JSON.stringify(section([batch], false))).not.toContain("dreadful");
    expect(JSON.stringify(section([batch], false))).toContain("d·······");
    expect(JSON.stringify(section([], true))).not.toContain("prompts of each arm");
  });

  test("where their file cannot be read, the reason stands there", () => {
    const broken = { ...batch, episodes: "x.bin has changed" };
    expect(JSON.stringify(section([broken], true))).toContain(
      "the episodes of iteration 20 cannot be read: x.bin has changed",
    );
  });
});

test("the worst episodes have a column per component", () => {
  expect(JSON.stringify(section([], false))).toMatch(/"reward","polite","on-topic","judge"/);
});
