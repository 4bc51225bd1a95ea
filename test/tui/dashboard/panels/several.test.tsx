/** Frames and rows of runs with two reward components and four completions per prompt. */
import { describe, expect, test } from "vitest";
import type { Episodes } from "../../../../src/journal/events.js";
import { promptVisits } from "../../../../src/tui/dashboard/panels/episodes-of-step.js";
import { TailPanel } from "../../../../src/tui/dashboard/panels/tail-panel.js";
import { tailEntries, tailRows } from "../../../../src/tui/dashboard/panels/tail-rows.js";
import { trainingCharts } from "../../../../src/tui/dashboard/panels/training-figures.js";
import { TrainingPanel } from "../../../../src/tui/dashboard/panels/training-panel.js";
import { sampleRun, textsOf } from "../../../run-model/sample-run.js";
import { drawn, rich } from "../../drawn.js";

const { events, trial } = sampleRun(7, 12);
const completions = 4;
const one = events.at(-1)!.episodes;
const episodes: Episodes = {
  components: {
    polite: one.reward.map((value) => value && 0.6 * value + 0.5),
    "on-topic": one.reward.map((value, at) => (at === 0 ? null : value && 0.4 * value - 0.5)),
  },
  ...one,
  prompt: one.prompt.map((_, at) => 200 + Math.floor(at / completions)),
};
const steps = trial.steps.map(({ head, entry }) => ({
  entry,
  head: {
    ...head,
    components: {
      polite: { mean: 0.6 * head.reward_mean + 0.5, failed: 0 },
      "on-topic": { mean: 0.4 * head.reward_mean - 0.5, failed: 1 },
    },
  },
}));

const input = {
  iteration: 12,
  episodes,
  texts: textsOf(episodes),
  revealed: false,
  filter: "",
  completions,
  grouped: false,
  selected: 0,
  offset: 0,
  history: null,
};

const draw = (panel: Parameters<typeof drawn>[0], columns: number, rows: number): string =>
  drawn(panel, { columns, rows: rows + 1 }, rich);

describe("reward components in the dashboard", () => {
  test("have a chart each behind the reward's", () => {
    expect(trainingCharts(steps).slice(0, 4)).toEqual([
      ...["reward_mean", "component polite", "component on-topic", "cvar"],
    ]);
    expect(trainingCharts(trial.steps)).not.toContain("component polite");
    const alone = { other: null, iteration: 12, klTarget: 6, alpha: 0.4, zoom: null };
    const size = { width: 80, height: 10 };
    expect(
      draw(<TrainingPanel {...alone} steps={steps} only="component polite" {...size} />, 80, 10),
    ).toMatchInlineSnapshot(`
      "polite 0.365
         │                                             ⢀⡠⠒⠑⢄⡀         ⣀⠔⠑⠢⣀          ┊
         │                                          ⢀⠤⠒⠁    ⠈⠢⡀     ⡠⠊     ⠑⠤⡀       ┊
      0.4┤                                     ⣀⣀⠤⠔⠊⠁         ⠈⠒⢄⢀⠔⠊         ⠈⠑⠒⠤⠤⣀⣀⡀┊
         │      ⢀⠤⣀         ⢀⣀⠤⠤⢄⣀⣀⣀   ⣀⣀⡠⠤⠔⠒⠊⠉                  ⠁                  ⠈⠉
      0.3┤    ⢀⠔⠁  ⠉⠑⠒⠤⣀⡠⠤⠒⠊⠁       ⠉⠉⠉                                              ┊
         │  ⡠⠒⠁                                                                      ┊
         │⡠⠊                                                                         ┊
         └───────┴────────────┴─────────────┴─────────────┴────────────┴─────────────┴
                 2            4             6             8           10           ▴12"
    `);
  });

  test("have a column in the list where there is room", () => {
    const size = { width: 110, height: 8 };
    expect(draw(<TailPanel {...input} {...size} />, 110, 8)).toMatchInlineSnapshot(`
      "Iteration 12  worst 1 to 4 of 64  texts masked, t reveals
         #  prompt  return  raw reward  polite  on-topic    KL  tokens  weight
      ▸  1     209   −4.08       −3.84   −1.80     −2.04  1.19      47    1.00  A···· a· h···, → a w···· o· t·· h··…
         2     212   −3.91       −3.65   −1.69     −1.96  1.30      41    1.00  A···· a· h···, → a w···· o· t·· h··…
         3     205   −3.85       −3.63   −1.68     −1.95  1.13      27    1.00  H·······, t··· → d··· a·· f·· t·· l…
         4     215   −3.31       −2.95   −1.27     −1.68  1.78      36    1.00  I t······ t··· → d··· a·· f·· t·· l…
      prompt     A···· a· h···,
      completion a w···· o· t·· h····."
    `);
  });

  test("stand over the selected text, and on the episode's page, where there is none", () => {
    const small = { width: 76, height: 14 };
    const list = draw(<TailPanel {...input} {...small} />, 76, 14);
    expect(list).not.toMatch(/return.*polite/);
    expect(list).toMatch(/Episode \d+ {2}prompt 2\d\d, polite −?\d\.\d\d, on-topic −?\d\.\d\d/);
    const page = draw(<TailPanel {...input} history={[]} {...small} />, 76, 14);
    expect(page).toMatch(/polite −?\d\.\d\d {2}on-topic −?\d\.\d\d/);
  });

  test("are compared by their names in a filter; of two meanings the episode's own counts", () => {
    const low = tailRows(episodes, [], "on-topic<-1");
    expect(low.length).toBeGreaterThan(0);
    expect(low.every((row) => row.components["on-topic"]! < -1)).toBe(true);
    const named = { ...episodes, components: { kl: episodes.reward } };
    expect(tailRows(named, [], "KL>0").every(({ kl }) => kl! > 0)).toBe(true);
    // Of neither: a piece of a text, which no text has.
    expect(tailRows(episodes, [], "unknown<3")).toEqual([]);
  });
});

describe("prompts with several completions", () => {
  test("are listed by their mean return, with spread, worst and best", () => {
    const size = { width: 90, height: 12 };
    const grouped = { ...input, grouped: true };
    expect(draw(<TailPanel {...grouped} {...size} />, 90, 12)).toMatchInlineSnapshot(`
      "Iteration 12  worst prompts 1 to 6 of 16  texts masked, t reveals
         #  prompt   mean  spread  worst   best  kept
      ▸  1     212  −1.49    1.64  −3.91  −0.31   4/4  A···· a· h···, → a w···· o· t·· h····.
         2     205  −1.29    1.73  −3.85  −0.22   4/4  H·······, t··· → d··· a·· f·· t·· l···.
         3     215  −1.16    1.44  −3.31  −0.21   4/4  I t······ t··· → d··· a·· f·· t·· l···.
         4     209  −1.12    2.01  −4.08   0.41   4/4  A···· a· h···, → a w···· o· t·· h····.
         5     211  −0.87    0.55  −1.68  −0.51   4/4
         6     210  −0.72    1.67  −2.41   1.19   3/4  T·· f··· w·· → d··· a·· f·· t·· l···.
      Episode 51  prompt 212, polite −1.69, on-topic −1.96
      prompt     A···· a· h···,
      completion a w···· o· t·· h····.
      "
    `);
  });

  test("are opened with all their completions, to be read whole", () => {
    const first = tailEntries({ ...input, grouped: true })[0]!.group!;
    const history = promptVisits(12, episodes, first.prompt);
    const texts = first.members.map(({ episode }, at) => ({
      episode,
      prompt: "So far, it",
      completion: `completion number ${at}`,
    }));
    const open = { ...input, texts, grouped: true, revealed: true, history };
    const size = { width: 90, height: 30 };
    expect(draw(<TailPanel {...open} {...size} />, 90, 30)).toMatchInlineSnapshot(`
      "Prompt 212  4 completions, worst first  lines 1 to 29 of 41, Esc goes back  texts revealed
      rank 1  mean return −1.49  spread 1.64  kept 4 of 4
      Prompt
      So far, it

      Completion 1 of 4  episode 51
      rank 2  return −3.91  raw reward −3.65  polite −1.69  on-topic −1.96  KL 1.30  tokens 41
      weight 1.00
      completion number 0

      Completion 2 of 4  episode 50
      rank 13  return −0.92  raw reward −0.58  polite 0.15  on-topic −0.73  KL 1.69  tokens 45
      weight 1.00
      completion number 1

      Completion 3 of 4  episode 49
      rank 15  return −0.80  raw reward −0.49  polite 0.20  on-topic −0.70  KL 1.52  tokens 19
      weight 1.00
      completion number 2

      Completion 4 of 4  episode 48
      rank 32  return −0.31  raw reward −0.08  polite 0.45  on-topic −0.53  KL 1.19  tokens 36
      weight 1.00
      completion number 3

      Prompt 212  drawn with 4 completions in the iterations read, newest first
         iteration  return  raw reward    KL  tokens  weight
      ▸         12   −3.91       −3.65  1.30      41    1.00
      ▸         12   −0.92       −0.58  1.69      45    1.00
      ▸         12   −0.80       −0.49  1.52      19    1.00"
    `);
  });

  test("stay where one of their completions passes the filter", () => {
    const all = tailEntries({ ...input, grouped: true });
    const bad = tailEntries({ ...input, grouped: true, filter: "return<-1" });
    expect(bad.length).toBeLessThan(all.length);
    expect(bad.every(({ group }) => group!.members.length === completions)).toBe(true);
    expect(bad.every(({ row }) => row.return! < -1)).toBe(true);
    expect(tailEntries({ ...input, grouped: true, filter: "prompt=203" })).toHaveLength(1);
  });

  test("with one completion per prompt the list is of episodes, grouped or not", () => {
    const lone = { ...input, completions: 1 };
    expect(tailEntries({ ...lone, grouped: true })).toEqual(tailEntries(lone));
  });
});
