/** The first screen of a run: all its trials, and below them their curves, or the results. */
import { Box } from "ink";
import type { ReactElement } from "react";
import {
  elapsedSeconds,
  isAtWork,
  isOver,
  type RunModel,
  type TrialModel,
} from "../../../run-model/run-model.js";
import { runEta } from "../../../run-model/time-left.js";
import { iterationNumber } from "../../../text/iterations.js";
import { safeText } from "../../../text/safe-text.js";
import { displayWidth } from "../../../text/width.js";
import { curveColors } from "../../charts/dash.js";
import { lineChart } from "../../charts/line-chart.js";
import { smoothed, smoothingSpans } from "../../charts/smoothing.js";
import {
  joinFields,
  type Line,
  type Look,
  type Size,
  type ViewStyle,
} from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { firstRow } from "../../terminal/scroll.js";
import { useTerminalSize, useViewStyle } from "../../terminal/terminal-context.js";
import { BottomLine } from "../bottom-line.js";
import { Header } from "../header.js";
import { trialInView } from "../in-view.js";
import { Panel, panelName } from "../panel.js";
import { chartFields } from "../panel-of-scene.js";
import { EventLog, eventRange } from "../panels/event-log.js";
import { said, settingNumber } from "../panels/field.js";
import { LossPanel } from "../panels/loss-panel.js";
import { stepSeries } from "../panels/step-series.js";
import { chartName, foundCharts } from "../panels/training-figures.js";
import { PhaseLine } from "../phase-line.js";
import type { Scene } from "../scene.js";
import { belowTitle, hasResults, overviewLayout, resultLines } from "./overview-layout.js";
import { headingLines, trialTable } from "./trial-table.js";

export function OverviewScreen({ scene }: { readonly scene: Scene }): ReactElement {
  const size = useTerminalSize();
  const style = useViewStyle();
  const { model, view, experiment, now, live, held, foreground, word } = scene;
  const width = size.columns;
  const trial = trialInView(model, view);
  const { headerRows, phaseRows, trialRows, lowerRows, eventRows } = overviewLayout(
    size,
    model.trials.length,
    hasResults(scene),
  );
  const curves = seedMates(model, trial);
  const resultRows = resultRowsOf(scene, width, lowerRows, style);
  const curveRows = lowerRows - resultRows;
  const strokes = new Map(
    curveRows === 0 ? [] : curves.map(({ id }, at) => [id, { dash: at, look: lookOf(at) }]),
  );
  const table = trialTable(
    { model, selected: trial?.id ?? null, alpha: sharedAlpha(scene, style), strokes, now },
    width,
    style,
  );
  const at = Math.max(
    0,
    model.trials.findIndex(({ id }) => id === trial?.id),
  );
  const count = model.trials.length;
  const first = firstRow({ count, selected: at, offset: at - 2, room: trialRows });
  const shown = [
    ...table.slice(0, headingLines),
    ...table.slice(headingLines + first, headingLines + first + trialRows),
  ];
  const log = { log: model.log, filter: "", offset: null };
  return (
    <Box flexDirection="column" width={width} height={Math.max(0, size.rows - 1)}>
      <Header
        run={model}
        readable={scene.unreadable === null}
        trial={null}
        step={null}
        live
        backend={experiment.backend.worker}
        elapsed={elapsedSeconds(model, now)}
        eta={isOver(model) ? null : runEta(model, now)}
        width={width}
        height={headerRows}
      />
      {scene.results !== null && scene.results.reports.length > 0 ? (
        <Lines
          lines={[reportLine(scene.results.reports[0]!, width, style)]}
          width={width}
          height={phaseRows}
        />
      ) : (
        <PhaseLine
          isNamed
          trial={trial}
          paused={model.state === "paused" && !(trial !== null && isAtWork(model, trial))}
          stopped={model.state === "stopped" ? { word, held } : null}
          now={now}
          unreadable={scene.unreadable}
          unread={scene.unread}
          width={width}
          height={phaseRows}
        />
      )}
      <Panel
        name="0 Trials"
        note={tableNote(model, { first, trialRows })}
        turns={[]}
        focused
        width={width}
        height={1 + headingLines + trialRows}
      >
        <Lines lines={shown} width={width} height={headingLines + trialRows} />
      </Panel>
      {resultRows === 0 ? null : <Results scene={scene} width={width} height={resultRows} />}
      {curveRows === 0 ? null : (
        <Progress scene={scene} trial={trial} curves={curves} width={width} height={curveRows} />
      )}
      {eventRows === 0 ? null : (
        <Panel
          name={panelName("events")}
          note={eventRange(log, eventRows - 1, style)}
          turns={[]}
          focused={false}
          width={width}
          height={eventRows}
        >
          <EventLog {...log} width={width} height={eventRows - 1} />
        </Panel>
      )}
      <BottomLine
        view={view}
        facts={{
          stopsWithView: foreground && live && !isOver(model),
          stopping: model.state === "stopping",
        }}
        width={width}
      />
    </Box>
  );
}

function tableNote(
  { trials, message, state }: RunModel,
  { first, trialRows }: { readonly first: number; readonly trialRows: number },
): Line {
  const range =
    trialRows < trials.length
      ? `${first + 1} to ${first + trialRows} of ${trials.length}`
      : `${trials.length}`;
  return [
    { text: range, dim: true },
    { text: message === "" ? "" : `  ${state}: ${safeText(message)}`, color: "yellow" },
  ];
}

/** The arms that train with RL, of the seed of the trial under the cursor, once they have figures. */
function seedMates({ trials }: RunModel, selected: TrialModel | null): TrialModel[] {
  const seed = selected?.seed ?? trials[0]?.seed;
  return trials.filter((trial) => trial.seed === seed && trial.steps.length > 0);
}

function lookOf(place: number): Look {
  return { color: curveColors[place % curveColors.length]! };
}

/** Empty: the arms' α differ, or none has one. */
function sharedAlpha({ experiment }: Scene, style: ViewStyle): string {
  const alphas = new Set(
    Object.values(experiment.arms)
      .filter(({ stage }) => stage === "rl")
      .map(({ risk }) => risk.alpha),
  );
  const [alpha] = alphas;
  return alphas.size === 1 ? settingNumber(alpha!, style) : "";
}

/** Lines that results and their title take; 0: there are none. What is left is the curves'. */
function resultRowsOf(scene: Scene, width: number, room: number, style: ViewStyle): number {
  const { results, directory } = scene;
  if (results === null || !hasResults(scene)) {
    return 0;
  }
  const needed = 1 + resultLines(results, directory, width, style).length;
  return room - needed < leastCurves ? room : needed;
}

/** Lines of curves that are worth a look beside results, title in. */
const leastCurves = 10;

/** The whole path, or its end. */
function reportLine(path: string, width: number, style: ViewStyle): Line {
  const name = "report  ";
  const room = Math.max(1, width - name.length);
  const safe = safeText(path);
  const mark = style.unicode ? "…" : "~";
  const shown = displayWidth(safe) <= room ? safe : mark + [...safe].slice(1 - room).join("");
  return [
    { text: name, bold: true },
    { text: shown, color: "cyan" },
  ];
}

function Results({ scene, width, height }: Size & { readonly scene: Scene }): ReactElement | null {
  const style = useViewStyle();
  const { results, view, directory } = scene;
  if (results === null) {
    return null;
  }
  const inside = belowTitle({ width, height });
  const lines = resultLines(results, directory, width, style);
  const last = Math.max(0, lines.length - inside.height);
  const from = Math.min(view.resultsFrom, last);
  const seen = `lines ${from + 1} to ${from + inside.height} of ${lines.length}, PgDn, PgUp`;
  return (
    <Panel
      name="Results"
      note={last === 0 ? [] : [{ text: seen, dim: true }]}
      turns={[]}
      focused={false}
      width={width}
      height={height}
    >
      <Lines lines={lines.slice(from, from + inside.height)} {...inside} />
    </Panel>
  );
}

interface ProgressProps extends Size {
  readonly scene: Scene;
  readonly trial: TrialModel | null;
  readonly curves: readonly TrialModel[];
}

/** A loss where something is being fine-tuned, else curves. */
function Progress({ scene, trial, curves, width, height }: ProgressProps): ReactElement {
  const inside = belowTitle({ width, height });
  if (trial !== null && trial.steps.length === 0 && trial.loss !== null) {
    return (
      <Panel
        name="Loss"
        note={[{ text: safeText(trial.id), dim: true }]}
        turns={[]}
        focused={false}
        width={width}
        height={height}
      >
        <LossPanel loss={trial.loss} {...inside} />
      </Panel>
    );
  }
  return <Curves scene={scene} curves={curves} width={width} height={height} />;
}

function Curves({ scene, curves, width, height }: Omit<ProgressProps, "trial">): ReactElement {
  const style = useViewStyle();
  const { experiment, view } = scene;
  const inside = belowTitle({ width, height });
  const [first] = curves;
  const alpha = first === undefined ? 0 : (experiment.arms[first.arm]?.risk.alpha ?? 0);
  const names = { klTarget: null, alpha };
  const found = foundCharts(first?.steps ?? [], view.filters.training, names, style);
  // A search takes the place of the figure that was chosen.
  const isSearched = view.filters.training !== "" && !found.includes(view.figure);
  const figure = isSearched ? (found[0] ?? null) : view.figure;
  const name = figure === null ? "Curves" : chartName(figure, names, true, style);
  const last = Math.max(2, ...curves.map(({ steps }) => iterationNumber(steps.at(-1)!.head.step)));
  const lines =
    first === undefined
      ? said("The curves of the arms show here from their first RL iteration on.", width)
      : figure === null
        ? said("No figure has such a name. Esc takes the search back.", width)
        : lineChart(
            {
              series: curves.map(({ steps }, at) => ({
                xs: stepSeries(steps, figure).xs,
                ys: smoothed(stepSeries(steps, figure).ys, smoothingSpans[view.smoothing]!),
                look: lookOf(at),
                dash: at,
              })),
              x: { from: 1, to: last },
              isLog: view.isLog,
            },
            { ...inside, style },
          );
  return (
    <Panel
      name={name}
      note={[
        ...joinFields(chartFields(view)),
        {
          text:
            first === undefined
              ? ""
              : `${chartFields(view).length === 0 ? "" : "  "}by iteration, arms of seed ${first.seed}, ${style.unicode ? "← →" : "Left Right"} other figures`,
          dim: true,
        },
      ]}
      turns={[]}
      focused={false}
      width={width}
      height={height}
    >
      <Lines lines={lines} {...inside} />
    </Panel>
  );
}
