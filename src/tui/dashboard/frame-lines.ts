/** A whole frame of the dashboard. Pure: the same scene gives the same lines. */

import { elapsedSeconds, isAtWork, isOver } from "../../run-model/run-model.js";
import { runEta } from "../../run-model/time-left.js";
import { firstThatFits, fitLine, type Line, type ViewStyle } from "../line.js";
import { type HeaderInput, headerPanel } from "../panels/header.js";
import { forTerminal } from "../panels/model-text.js";
import { phaseLine } from "../panels/phase-line.js";
import { type BottomFacts, bottomLine } from "./bottom-line.js";
import { helpLines } from "./help-lines.js";
import { type Layout, layoutOf, type PanelRow, type ScreenSize } from "./layout.js";
import { panelRowLines } from "./panel-frame.js";
import { type PanelId, panelIds } from "./panel-ids.js";
import { panelLines, panelNote, panelTitle } from "./panel-lines.js";
import { type Scene, subjectOf, type Unreadable } from "./scene.js";

export function sceneLayout(scene: Omit<Scene, "reading">, size: ScreenSize): Layout {
  return layoutOf(size, scene.view);
}

/** At most rows − 1 lines, none wider than the terminal. */
export function frameLines(scene: Scene, size: ScreenSize, style: ViewStyle): Line[] {
  const most = Math.max(0, size.rows - 1);
  if (scene.view.help !== null) {
    return helpLines(size, scene.view.help, style);
  }
  const layout = sceneLayout(scene, size);
  const { headerRows, phaseRows, rows } = layout;
  const header = { width: size.columns, height: headerRows };
  return [
    ...atHeight(headerPanel.lines(headerInput(scene), header, style), headerRows),
    ...atHeight(phaseLines(scene, { width: size.columns, height: phaseRows }, style), phaseRows),
    ...rows.flatMap((row) => rowLines(row, scene, style)),
    bottomLine(scene.view, bottomFacts(scene), size.columns, style),
  ]
    .slice(0, most)
    .map((line) => fitLine(line, size.columns, style));
}

function rowLines({ height, places }: PanelRow, scene: Scene, style: ViewStyle): Line[] {
  const drawn = places.map(({ panel, width, others }) => {
    const inside = { width, height: Math.max(0, height - 1) };
    return {
      number: panelNumber(panel),
      title: panelTitle(panel),
      note: panelNote(panel, scene, inside, style),
      others: others.map((other) => `${panelNumber(other)} ${panelTitle(other)}`),
      focused: scene.view.focus === panel,
      width,
      lines: panelLines(panel, scene, inside, style),
    };
  });
  return panelRowLines(drawn, height, style);
}

function panelNumber(panel: PanelId): number {
  return panelIds.indexOf(panel) + 1;
}

function headerInput(scene: Omit<Scene, "reading">): HeaderInput {
  const { model, view, experiment, now } = scene;
  const { trial, step } = subjectOf(model, view, experiment);
  return {
    run: model,
    readable: scene.unreadable === null,
    trial,
    step,
    live: view.step === null,
    backend: experiment.backend.worker,
    elapsed: elapsedSeconds(model, now),
    eta: isOver(model) ? null : runEta(model, now),
  };
}

function phaseLines(
  scene: Scene,
  size: { readonly width: number; readonly height: number },
  style: ViewStyle,
): Line[] {
  const { model, view, experiment, reading, unreadable, word, now } = scene;
  if (unreadable !== null) {
    return [firstThatFits(unreadableWords(unreadable, style), size.width, style)];
  }
  if (reading.unread) {
    return [[{ text: "reading the journal", dim: true }]];
  }
  const { trial } = subjectOf(model, view, experiment);
  const paused = model.state === "paused" && !(trial !== null && isAtWork(model, trial));
  const stopped = model.state === "stopped" ? word : null;
  return phaseLine.lines({ trial, paused, stopped, now }, size, style);
}

function unreadableWords({ gone, message }: Unreadable, style: ViewStyle): Line[] {
  const texts = gone
    ? [
        "The run's folder is gone, deleted or moved: the view goes on once it is back.",
        "Its folder is gone: the view goes on once it is back.",
      ]
    : [`The journal cannot be read, and is tried again: ${message}`];
  return texts.map((text) => [{ text: forTerminal(text, style), color: "red" }]);
}

function bottomFacts({ model, foreground, live }: Scene): BottomFacts {
  const stopsWithView = foreground && live && !isOver(model);
  return { stopsWithView, stopping: model.state === "stopping" };
}

function atHeight(lines: readonly Line[], height: number): Line[] {
  return Array.from({ length: height }, (_, row) => lines[row] ?? []);
}
