import { beforeAll, describe, expect, test } from "vitest";
import type { ReportInput } from "../../../src/report/report-data.js";
import { configurationDifferences } from "../../../src/report/several/configuration-differences.js";
import { renderSeveral } from "../../../src/report/several/render-several.js";
import { smallExperiment } from "../../engine/experiments.js";
import { fixtureRun } from "../fixture.js";

const run = (id: string): ReportInput => {
  const input = fixtureRun({
    seeds: [0, 1, 2],
    arms: ["sft", "rlhf"],
    iterations: 10,
    prompts: 40,
  });
  return { ...input, run: { ...input.run, id } };
};
const second = run("second-run");
const input = (letter: string, report: ReportInput, reward: string) => ({
  ...{ letter, report, path: `runs/${report.run.id}/report.html` },
  scaleOf: () => ({ "reward.model": reward }),
});

let html: string;
let markdown: string;
beforeAll(async () => {
  const changed = structuredClone(second.run.experiment);
  const { rlhf } = changed.arms;
  Object.assign(rlhf!, { training: { ...rlhf!.training, batch: 99 } });
  ({ html, markdown } = await renderSeveral([
    input("A", run("first-run"), "a"),
    input("B", { ...second, run: { ...second.run, experiment: changed } }, "a"),
    input("C", run("third-run"), "other"),
  ]));
}, 60_000);

describe("a report over several runs", () => {
  test("names the runs and what differs", () => {
    expect(markdown).toMatch(/A: first-run, B: second-run, C: third-run/);
    expect(markdown).toMatch(/\| arms\.rlhf\.training\.batch \| \d+ \| 99 \| \d+ \|/);
  });

  test("has every arm with its run's letter, and differences from the first alone where they compare", () => {
    for (const label of ["A sft", "A rlhf", "B sft", "B rlhf", "C sft"]) {
      expect(markdown).toContain(`| ${label}<br>`);
    }
    const [, differences] = markdown.split("## Differences from A sft");
    expect(differences).toMatch(/\| B rlhf \| [^|]*\]<br>p /);
    expect(differences).not.toMatch(/\| C rlhf \|/);
    expect(differences).toContain(
      "C sft, C rlhf: not comparable with A sft, for they differ in reward.model.",
    );
  });

  test("draws arms of one scale together and says which are left out", () => {
    expect(html).toContain('<figure id="tail-against-kl">');
    const [, plot] = html.split('<figure id="tail-against-kl">');
    const drawn = plot!.slice(0, plot!.indexOf("</figure>"));
    expect(drawn).toContain("B rlhf");
    expect(drawn).not.toContain("C rlhf");
    expect(markdown).toMatch(/on another scale than those of A sft: C sft, C rlhf/);
    expect(html).not.toMatch(/undefined|NaN/);
  });

  test("has each run's own conclusion and where its report is", () => {
    expect(markdown).toContain("## C: third-run");
    expect(markdown).toContain("runs/third-run/report.html");
  });
});

describe("differences of configurations", () => {
  test("what all arms share is told once, what one arm has by its name", () => {
    const base = smallExperiment({ seeds: [0, 1] });
    const shared = smallExperiment({ seeds: [0], training: { batch: 32 } });
    expect(configurationDifferences([base, shared])).toEqual(
      expect.arrayContaining([
        { key: "seeds", values: ["[0,1]", "[0]"] },
        { key: "training.batch", values: ["16", "32"] },
      ]),
    );
    expect(configurationDifferences([base, base])).toEqual([]);
    const own = structuredClone(base);
    Object.assign(own.arms.rlhf!.kl, { beta: 0.9 });
    expect(configurationDifferences([base, own])).toEqual([
      { key: "arms.rlhf.kl.beta", values: ["0.2", "0.9"] },
    ]);
  });
});
