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
    const shown = details.flatMap((block) => (block.kind === "texts" ? [block] : []));
    expect(shown.map(({ prompt }) => prompt)).toEqual([
      {
        label: "ra-rlhf, iteration 20, prompt 7, mean return −1.20, spread 2.83",
        text: "You are",
      },
      expect.objectContaining({ label: expect.stringContaining("prompt 7,"), text: null }),
      expect.objectContaining({ label: expect.stringContaining("prompt 9,"), text: null }),
    ]);
    expect(shown[0]!.completions).toEqual([
      { label: "return −3.20, reward −3.00, polite −3.00, weight 1.00", text: "dreadful <b>1</b>" },
      { label: "return 0.80, reward 1.00, polite 1.00, weight 0.00", text: "dreadful <b>0</b>" },
    ]);
  });

  test("with one completion per prompt, the worst episodes whose texts were kept are shown", () => {
    const shown = section([{ ...batch, completions: 1 }], true).flatMap((block) =>
      block.kind === "details" && block.summary.includes("episodes of each arm's last")
        ? block.blocks
        : [],
    );
    expect(shown.map((block) => (block.kind === "texts" ? block.prompt.label : null))).toEqual([
      "ra-rlhf, iteration 20, prompt 7",
      "ra-rlhf, iteration 20, prompt 7",
    ]);
    expect(JSON.stringify(shown[0])).toContain("return −3.20");
  });

  test("are masked unless asked for", () => {
    expect(JSON.stringify(section([batch], false))).not.toContain("dreadful");
    expect(JSON.stringify(section([batch], false))).toContain("d·······");
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
