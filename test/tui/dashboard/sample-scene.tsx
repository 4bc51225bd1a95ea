/** A run of two arms midway through the second, as a frame's scene and as a source to read. */
import type { Experiment } from "../../../src/config/schema/experiment.js";
import type { EpisodeText } from "../../../src/engine/ports.js";
import type { JournalEntry } from "../../../src/journal/event-head.js";
import type { RunModel, TrialModel } from "../../../src/run-model/run-model.js";
import type { RunResults } from "../../../src/run-model/run-results.js";
import { DashboardScreen } from "../../../src/tui/dashboard/dashboard-screen.js";
import { layoutOf } from "../../../src/tui/dashboard/layout.js";
import type { Unreadable } from "../../../src/tui/dashboard/run-feed.js";
import { readScene, type Scene } from "../../../src/tui/dashboard/scene.js";
import { StepReader } from "../../../src/tui/dashboard/step-reader.js";
import { firstView, type ViewState } from "../../../src/tui/dashboard/view-state.js";
import type { TerminalSize } from "../../../src/tui/terminal/terminal-context.js";
import { smallExperiment } from "../../engine/experiments.js";
import { armConfig, runOf, sampleRun, textsOf } from "../../run-model/sample-run.js";
import { drawn, rich } from "../drawn.js";

export const now = Date.parse("2026-11-23T10:11:05.000Z") / 1000;

const config = armConfig({ alpha: 0.4 });
const averse = sampleRun(7, 31, config);
const neutral = sampleRun(8, 60, config);

export const experiment: Experiment = {
  ...smallExperiment(),
  name: "quickstart",
  arms: {
    rlhf: { ...config, risk: { ...config.risk, measure: "mean" } },
    "ra-rlhf": config,
  },
};

/** Offsets of the two trials must differ: the sample's begin at 0 each. */
function moved(trial: TrialModel, id: string, by: number): TrialModel {
  const steps = trial.steps.map(({ head, entry }) => ({
    head,
    entry: { ...entry, offset: entry.offset + by },
  }));
  return { ...trial, id, seed: 0, steps };
}

const second = 1e9;
const first: TrialModel = {
  ...moved(neutral.trial, "rlhf-s0", second),
  arm: "rlhf",
  status: "done",
  phase: null,
};
const inHand: TrialModel = {
  ...moved(averse.trial, "ra-rlhf-s0", 0),
  startedAt: now - 80,
  lastStepAt: now - 1,
  phase: { name: "update", done: 40, total: 64, unit: "episodes", since: now - 2 },
};

export const midway: RunModel = runOf([first, inHand], {
  log: [
    "info:run started: 2 trials",
    "info:started: 60 iterations",
    "info:checkpoint at iteration 20, 50 MB",
    "warning:step 24: 2 rewards failed",
    "info:evaluation at iteration 30: reward 0.42, tail −1.90",
  ].map((line, at) => ({
    seq: at + 1,
    time: `2026-11-23T10:0${at}:00.000Z`,
    trial: at === 0 ? null : "ra-rlhf-s0",
    level: line.split(":")[0] as "info",
    text: line.slice(line.indexOf(":") + 1),
  })),
});

export const source = {
  episodes: ({ offset }: JournalEntry) =>
    (offset >= second ? neutral : averse).events[(offset % second) / 1000]!.episodes,
  workerLog: (trial: string): readonly string[] => [`${trial} begins`, "a warning of a library"],
  texts: (_: string, step: number): readonly EpisodeText[] =>
    textsOf(averse.events[step]!.episodes),
};

export interface SceneChanges {
  readonly model?: RunModel;
  readonly view?: Partial<ViewState>;
  readonly texts?: readonly EpisodeText[];
  readonly live?: boolean;
  readonly held?: boolean;
  readonly unreadable?: Unreadable;
  readonly foreground?: boolean;
  readonly results?: RunResults;
}

/** All that a view would have read once it had caught up. */
export function sceneOf(size: TerminalSize, changes: SceneChanges = {}): Scene {
  const scene = {
    model: changes.model ?? midway,
    view: { ...firstView, overview: false, ...changes.view },
    results: changes.results ?? null,
    directory: "/runs/quickstart-1",
    experiment,
    foreground: changes.foreground ?? false,
    live: changes.live ?? true,
    held: changes.held ?? true,
    word: "quickstart-1",
    unreadable: changes.unreadable ?? null,
    unread: false,
    now,
  };
  const { texts } = changes;
  const reader = new StepReader(texts === undefined ? source : { ...source, texts: () => texts });
  const layout = layoutOf(size, scene.view);
  readScene(scene, layout, reader);
  reader.work(() => 0, 1);
  return { ...scene, reading: readScene(scene, layout, reader) };
}

/** As it stands on the terminal. */
export function frameOf(size: TerminalSize, changes: SceneChanges = {}, style = rich): string {
  return drawn(<DashboardScreen scene={sceneOf(size, changes)} />, size, style);
}
