/** What keys need to know of a scene. Pure. */
import type { ViewStyle } from "../line.js";
import { logRows } from "../panels/event-log.js";
import { tailRows } from "../panels/tail-rows.js";
import { insideOf, type Layout } from "./layout.js";
import { pageExtent } from "./panel-lines.js";
import { actualQuestion, type Scene, subjectOf } from "./scene.js";
import type { ViewFacts } from "./view-state.js";

/** @param helpEnd first line of the help screen's last page */
export function factsOf(
  scene: Scene,
  layout: Layout,
  style: ViewStyle,
  helpEnd: number,
): ViewFacts {
  const { model, view, experiment, reading, foreground, live, held } = scene;
  const subject = subjectOf(model, view, experiment);
  const { trial } = subject;
  const { episodes, texts } = reading;
  const rows = episodes === null ? [] : tailRows(episodes, texts, view.filters.tail);
  const events = logRows(model.log, view.filters.events).length;
  const room = insideOf(layout, "events")?.height ?? 0;
  const tail = insideOf(layout, "tail");
  const actual = actualQuestion(subject);
  return {
    trials: model.trials.map(({ id }) => id),
    trial: trial?.id ?? null,
    steps: trial?.steps.length ?? 0,
    iterations: trial?.iterations ?? 0,
    tailRows: rows.length,
    prompt: rows[Math.min(view.selected, rows.length - 1)]?.prompt ?? null,
    eventsEnd: Math.max(0, events - room),
    helpEnd,
    page: tail === null ? null : pageExtent(scene, tail, style),
    actual: { alpha: actual?.alpha ?? 1, measure: actual?.measure ?? "mean" },
    state: model.state,
    live,
    held,
    foreground,
  };
}
