import { beforeAll, describe, expect, test } from "vitest";
import { type EventFigures, figuresOf } from "../../src/journal/event-head.js";
import type { JournalEvent } from "../../src/journal/events.js";
import { renderHtml } from "../../src/report/html.js";
import { renderReport } from "../../src/report/render-report.js";
import { noConclusion } from "../analysis/no-conclusion.js";
import { fixtureRun } from "./fixture.js";

const run = fixtureRun({ seeds: [0, 1, 2], iterations: 20, prompts: 200 });
let report: Awaited<ReturnType<typeof renderReport>>;

beforeAll(async () => {
  report = await renderReport(run, { showText: false });
});

test("which of the trials side by side was quicker changes nothing", async () => {
  const [started, ...rest] = run.events;
  const names = [...new Set(run.events.map(({ trial }) => trial))];
  const quickness = (trial: string | null) => (trial === null ? 0 : -names.indexOf(trial));
  const otherwise = {
    ...run,
    events: [started!, ...rest.toSorted((a, b) => quickness(a.trial) - quickness(b.trial))],
    samples: run.samples.toSorted((a, b) => quickness(a.trial) - quickness(b.trial)),
  };
  expect(otherwise.events.map(({ seq }) => seq)).not.toEqual(run.events.map(({ seq }) => seq));
  expect((await renderReport(otherwise, { showText: false })).markdown).toBe(report.markdown);
});

describe("report.html", () => {
  test("fetches nothing and runs nothing", () => {
    expect(report.html).not.toMatch(/<script|<link|<img|<iframe|url\((?!#)|@import|javascript:/i);
    expect(report.html).not.toMatch(/(?:src|href)="/);
    expect(report.html).toContain("default-src 'none'");
  });

  test("begins with the conclusion, then the table, then comparisons and plots", () => {
    const order = [
      "Harm rate: ",
      "<h2>Results</h2>",
      "<h2>Risk-averse against risk-neutral</h2>",
      "<h2>What it cost</h2>",
      "<h2>Rewards before and after</h2>",
      "<h2>Losses before RL</h2>",
      "<h2>Training</h2>",
      "<h2>Texts</h2>",
      "<h2>Set-up</h2>",
      "<h2>How to reproduce</h2>",
    ].map((text) => report.html.indexOf(text));
    expect(order.every((at) => at > 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    // For wide screens and for narrow ones.
    expect(report.html.match(/<svg /g)).toHaveLength(14);
    expect(report.html.match(/<figcaption>[^<]{60,}/g)).toHaveLength(7);
  });

  test("has no id twice", () => {
    const ids = Array.from(report.html.matchAll(/\bid="([^"]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("masks texts until asked, and never lets them act", async () => {
    expect(report.html).toContain("d·······");
    expect(report.html).not.toContain("dreadful");
    const shown = (await renderReport(run, { showText: true })).html;
    expect(shown).toContain(
      "&lt;b&gt;acting&lt;/b&gt; was dreadful⟨U+001B⟩[31m &amp; &quot;cheap&quot;",
    );
    expect(shown).not.toContain("<b>acting");
    expect(shown).toContain("may be offensive");
  });

  test("opens and closes its tags in order", () => {
    const open: string[] = [];
    const single = new Set([
      "meta",
      "br",
      "wbr",
      "!doctype",
      "path",
      "rect",
      "circle",
      "line",
      "polygon",
    ]);
    for (const [, closing, name, self] of report.html.matchAll(
      /<(\/?)([a-z!][\w]*)[^>]*?(\/?)>/gi,
    )) {
      if (closing === "/") {
        if (!single.has(name!)) {
          expect(open.pop()).toBe(name);
        }
      } else if (self !== "/" && !single.has(name!.toLowerCase())) {
        open.push(name!);
      }
    }
    expect(open).toEqual([]);
  });
});

test.each([
  [3, {}, "", "<td>x</td>"],
  [4, {}, ' class="cards"', '<td data-label="&lt;1&gt;">x</td>'],
  [3, { records: true } as const, ' class="records"', '<td data-label="&lt;1&gt;">x</td>'],
])(
  "a table of %i columns: cells of cards carry their column's title",
  (columns, more, kind, cell) => {
    const head = Array.from({ length: columns }, (_, at) => `<${at}>`);
    const rows = [head.map(() => ({ main: "x" }))];
    const table = { kind: "table", head, rows, wordColumns: columns, ...more } as const;
    const html = renderHtml({ title: "t", byline: "", blocks: [table] });
    expect(html).toContain(`<table${kind}>`);
    expect(html).toContain(cell);
  },
);

test("an arm's name or a key may be broken behind what separates its parts, a figure may not", () => {
  const row = [{ main: "ra@kl.target=0.5,risk.alpha=1.x" }, { main: "−0.312.x" }];
  const table = { kind: "table", head: ["arm", "tail"], rows: [row], wordColumns: 1 } as const;
  const html = renderHtml({ title: "t", byline: "", blocks: [table] });
  expect(html).toContain(">ra@<wbr>kl.<wbr>target=0.5,<wbr>risk.<wbr>alpha=1.<wbr>x</th>");
  expect(html).toContain(">−0.312.x</td>");
});

describe("report.md", () => {
  test("has the same parts, and no raw HTML from texts", () => {
    expect(report.markdown).toMatch(/^# quickstart: what happened to the tail\n/);
    expect(report.markdown).toContain("> **Harm rate: ");
    expect(report.markdown).toContain("## Risk-averse against risk-neutral");
    expect(report.markdown).not.toContain("<b>");
    expect(report.markdown).toContain("Drawn in report.html.");
  });

  test("keeps every table row at its head's width", () => {
    let columns = 0;
    for (const line of report.markdown.split("\n")) {
      const cells = line.startsWith("| ") ? line.split(/(?<!\\)\|/).length : 0;
      if (cells > 0 && columns > 0) {
        expect(cells).toBe(columns);
      }
      columns = cells;
    }
  });
});

describe("honesty", () => {
  test.each([[[0]], [[0, 1]]])(
    "seeds %j: no difference is shown, and both formats say what would decide it",
    async (seeds) => {
      const few = await renderReport(fixtureRun({ seeds, iterations: 20, prompts: 50 }), {
        showText: false,
      });
      for (const text of [few.html, few.markdown]) {
        expect(text).toContain("At least 3 are needed (--set seeds=0,1,2)");
        expect(text).not.toMatch(/\] (better|worse)|undecided|− rlhf|paired by seed/);
      }
    },
  );

  test("N is the number of prompts that were evaluated, and a thin tail is told", async () => {
    const { experiment } = run.run;
    const asked = { ...experiment, evaluation: { ...experiment.evaluation, prompts: 5000 } };
    const few = fixtureRun({ arms: ["sft", "rlhf"], iterations: 10, prompts: 60 });
    const { markdown } = await renderReport(
      { ...few, run: { ...few.run, experiment: asked } },
      { showText: false },
    );
    expect(markdown).toContain("on the same 60 test prompts");
    expect(markdown).not.toContain("5000 test prompts");
    expect(markdown).toContain("tail reward is a mean over only 6 episodes");
    expect(report.markdown).not.toContain("mean over only");
  });

  test("α, n and ρ are shown of the measures that read them alone", () => {
    const row = (arm: string) =>
      report.markdown
        .split("\n")
        .find((line) => line.startsWith(`| ${arm} | `) && line.includes("risk-"))!;
    expect(row("rlhf")).toMatch(/^\| rlhf \| risk-neutral: mean \| ppo \| – \| – \| – \| – \|/);
    expect(row("ra-rlhf")).toMatch(
      /^\| ra-rlhf \| risk-averse: CVaR \| ppo \| return \| 0.4 \| 30 \| 0.95 \|/,
    );
    expect(row("ra-rlhf-hard")).toMatch(
      /^\| ra-rlhf-hard \| risk-averse: mean, hard prompts more often \| ppo \| – \| – \| – \| – \|/,
    );
  });

  test("without figures at equal KL no gain from risk aversion is claimed", async () => {
    const comparisons = run.evaluation.comparisons.filter(({ at }) => at !== "equal-kl");
    const evaluation = { ...run.evaluation, comparisons };
    const { markdown } = await renderReport({ ...run, evaluation }, { showText: false });
    expect(markdown).toContain("it shows no gain from risk aversion");
  });

  test("is the same without the arrays of steps", async () => {
    const events = run.events.map((event) => figuresOf(event as JournalEvent));
    expect(events.some((event) => "episodes" in event)).toBe(false);
    const [whole, light] = await Promise.all(
      [run.events, events].map((some) =>
        renderReport({ ...run, events: some }, { showText: true }),
      ),
    );
    expect(light).toEqual(whole);
  });

  test("a run that failed says so first", async () => {
    const failed: EventFigures[] = run.events.map((event) =>
      event.type === "run_finished"
        ? { ...event, outcome: "failed", message: "the worker was killed" }
        : event,
    );
    const { html } = await renderReport({ ...run, events: failed }, { showText: false });
    expect(html).toContain("The run ended failed: the worker was killed");
    expect(html.indexOf("The run ended failed")).toBeLessThan(html.indexOf("Harm rate: "));
  });

  test("a run that has only begun still makes a report", async () => {
    const evaluation = { arms: {}, frontier: {}, comparisons: [], conclusion: noConclusion };
    const { html } = await renderReport(
      { ...run, evaluation, events: run.events.slice(0, 3), samples: [] },
      { showText: false },
    );
    expect(html).toContain("No arm has been evaluated.");
    expect(html).toContain("has not finished");
  });
});
