/** What keys need to know of a scene. Pure. */
import type { ViewStyle } from "../terminal/line.js";
import type { TerminalSize } from "../terminal/terminal-context.js";
import { lastHelpLine } from "./dashboard-help.js";
import { insideOf, layoutOf } from "./layout.js";
import { lastResultLine } from "./overview/overview-layout.js";
import { tailInput } from "./panel-of-scene.js";
import { logRows } from "./panels/event-log.js";
import { tailPageExtent } from "./panels/tail-panel.js";
import { tailEntries } from "./panels/tail-rows.js";
import { foundCharts } from "./panels/training-figures.js";
import { actualQuestion, type Scene, subjectOf } from "./scene.js";
import type { ViewFacts } from "./view-state.js";

export function factsOf(scene: Scene, size: TerminalSize, style: ViewStyle): ViewFacts {
  const { model, view, experiment, reading, foreground, live, held } = scene;
  const layout = layoutOf(size, view);
  const subject = subjectOf(model, view, experiment);
  const { trial } = subject;
  const { episodes } = reading;
  const input = tailInput(scene);
  const entries = episodes === null ? [] : tailEntries({ ...input, episodes });
  const events = logRows(model.log, view.filters.events).length;
  const room = insideOf(layout, "events")?.height ?? 0;
  const tail = insideOf(layout, "tail");
  const actual = actualQuestion(subject);
  return {
    trials: model.trials.map(({ id }) => id),
    trial: trial?.id ?? null,
    steps: trial?.steps.length ?? 0,
    iterations: trial?.iterations ?? 0,
    charts: foundCharts(
      trial?.steps ?? [],
      view.filters.training,
      { klTarget: null, alpha: subject.config?.risk.alpha ?? 0 },
      style,
    ),
    tailRows: entries.length,
    prompt: entries[Math.min(view.selected, entries.length - 1)]?.row.prompt ?? null,
    completions: input.completions,
    eventsEnd: Math.max(0, events - room),
    logEnd: Math.max(0, reading.log.length - (insideOf(layout, "log")?.height ?? 0)),
    resultsEnd: view.overview ? lastResultLine(scene, size, style) : 0,
    helpEnd: lastHelpLine(size, style),
    page: tail === null ? null : tailPageExtent(input, tail, style),
    actual: { alpha: actual?.alpha ?? 1, measure: actual?.measure ?? "mean" },
    state: model.state,
    live,
    held,
    foreground,
  };
}
