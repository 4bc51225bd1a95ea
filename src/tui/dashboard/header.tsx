/** What runs, how far it is, and what it costs. */
import type { ReactElement } from "react";
import {
  isPausing,
  type RunModel,
  type StepHead,
  type TrialModel,
} from "../../run-model/run-model.js";
import { iterationNumber } from "../../text/iterations.js";
import { formatBytes, formatCount, formatDuration, formatFraction } from "../../text/numbers.js";
import { progressBar } from "../charts/progress-bar.js";
import {
  joinFields,
  type Line,
  type Look,
  lineWidth,
  type Size,
  type ViewStyle,
} from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { field } from "./panels/field.js";
import { modelText } from "./panels/model-text.js";

export interface HeaderInput {
  readonly run: RunModel;
  /** Its journal is. */
  readonly readable: boolean;
  /** In view; null: all are, or there is none yet. */
  readonly trial: TrialModel | null;
  /** In view; null: none is done. */
  readonly step: StepHead | null;
  /** The step in view is the newest. */
  readonly live: boolean;
  /** Name of the worker's definition (`backend.worker`); null: not known. */
  readonly backend: string | null;
  /** Seconds since the run began, or that it took. */
  readonly elapsed: number | null;
  /** Seconds ahead. */
  readonly eta: number | null;
}

/** As many rows as it is given, whatever it says: what stands below must not move with its figures. */
export function Header({ width, height, ...input }: HeaderInput & Size): ReactElement {
  const style = useViewStyle();
  const who = whoFields(input, style);
  const costs = costFields(input);
  const progress = progressLine(input, width, style);
  const lines =
    height >= 3
      ? [joinFields(who), progress, joinFields(costs)]
      : height === 2
        ? [joinFields([...who, ...costs]), progress]
        : [joinFields([...who.slice(0, 3), ...timeFields({ ...input, elapsed: null }, style)])];
  return <Lines lines={lines} width={width} height={height} />;
}

type HeaderState = RunModel["state"] | "pausing" | "unreadable";

function headerState({ run, readable }: HeaderInput): HeaderState {
  return readable ? (isPausing(run) ? "pausing" : run.state) : "unreadable";
}

const states: Readonly<Record<HeaderState, { glyphs: readonly [string, string]; look: Look }>> = {
  running: { glyphs: ["▶", ">"], look: { color: "green" } },
  pausing: { glyphs: ["‖", "="], look: { color: "yellow" } },
  paused: { glyphs: ["‖", "="], look: { color: "yellow" } },
  stopping: { glyphs: ["◼", "!"], look: { color: "yellow" } },
  done: { glyphs: ["✓", "+"], look: { color: "green" } },
  failed: { glyphs: ["✗", "x"], look: { color: "red" } },
  interrupted: { glyphs: ["‖", "="], look: { color: "yellow" } },
  stopped: { glyphs: ["◼", "#"], look: { color: "yellow" } },
  unreadable: { glyphs: ["✗", "x"], look: { color: "red" } },
};

function whoFields(input: HeaderInput, style: ViewStyle): Line[] {
  const { run, trial, backend } = input;
  const name = headerState(input);
  const { glyphs, look } = states[name];
  const state: Line = [{ ...look, text: `${glyphs[style.unicode ? 0 : 1]} ${name}` }];
  const fields: Line[] = [[{ text: modelName(run.name, style), bold: true }], state];
  if (trial !== null) {
    const place = run.trials.findIndex(({ id }) => id === trial.id);
    const among = run.trials.length > 1 ? ` (${place + 1}/${run.trials.length})` : "";
    fields.push([
      { text: modelName(trial.arm, style), bold: true },
      { text: ` seed ${trial.seed}` },
      { text: among, dim: true },
    ]);
    if (trial.status !== "running") {
      fields.push([{ text: `trial ${trial.status}`, dim: true }]);
    }
  } else if (run.trials.length > 0) {
    const ended = run.trials.filter(({ status }) => status === "done").length;
    const noun = run.trials.length === 1 ? "trial" : "trials";
    fields.push([{ text: `${ended} of ${run.trials.length} ${noun} done` }]);
  }
  const device = deviceOf(trial, style);
  if (backend !== null || device !== null) {
    const text = [backend === null ? null : modelName(backend, style), device]
      .filter((part) => part !== null)
      .join(style.unicode ? " · " : ", ");
    fields.push(field("on", text));
  }
  return fields;
}

function deviceOf(trial: TrialModel | null, style: ViewStyle): string | null {
  const worker = trial?.worker ?? null;
  if (worker === null) {
    return null;
  }
  const name = worker.device_name === worker.device ? "" : ` ${worker.device_name}`;
  return modelName(`${worker.device}${name}`, style);
}

/** Names come from files and workers, not from models: shown, but no longer than need be. */
function modelName(text: string, style: ViewStyle): string {
  return modelText(text, { revealed: true, room: 80, style });
}

const bar = { least: 8, most: 40 };

/** Iteration, bar and times: how much longer comes before how long it took, the bar before both. */
function progressLine(input: HeaderInput, width: number, style: ViewStyle): Line {
  const { trial, run } = input;
  const fraction =
    trial === null
      ? fractionDone(run)
      : trial.iterations === 0
        ? null
        : done(trial) / trial.iterations;
  const ways = [
    timeFields(input, style, true),
    timeFields(input, style),
    timeFields({ ...input, elapsed: null }, style),
  ];
  const roomBeside = (fields: readonly Line[]): number => width - lineWidth(joinFields(fields));
  const least = fraction === null ? 0 : bar.least + 2;
  const times = ways.find((way) => roomBeside(way) >= least) ?? ways.at(-1)!;
  const room = Math.min(bar.most, roomBeside(times) - 2);
  if (fraction === null || room < bar.least) {
    return joinFields(times);
  }
  const [first = [], ...rest] = times;
  return joinFields([first, progressBar(fraction, room, style), ...rest]);
}

/** @param withKey the mark of a step that is held names the key that goes on */
function timeFields(input: HeaderInput, style: ViewStyle, withKey = false): Line[] {
  const { trial, step, live, elapsed, eta } = input;
  const fields: Line[] = [];
  if (trial !== null && trial.iterations > 0) {
    const { iterations } = trial;
    fields.push([{ text: `iteration ${done(trial)}/${iterations}` }]);
    fields.push([{ text: formatFraction(Math.floor((100 * done(trial)) / iterations) / 100) }]);
  } else if (trial !== null) {
    fields.push([{ text: trial.stage === "sft" ? "SFT" : `stage ${trial.stage}` }]);
  } else if (input.run.trials.length > 0) {
    fields.push([{ text: formatFraction(Math.floor(100 * (fractionDone(input.run) ?? 0)) / 100) }]);
  }
  if (!live && step !== null) {
    const mark = style.unicode ? "◀" : "<";
    const key = withKey ? ", Esc: newest" : "";
    fields.push([{ text: `${mark} at ${iterationNumber(step.step)}${key}`, color: "yellow" }]);
  }
  if (elapsed !== null) {
    fields.push([{ text: `${formatDuration(elapsed, style)} gone`, dim: true }]);
  }
  if (eta !== null) {
    fields.push([{ text: `about ${formatDuration(eta, style)} left` }]);
  }
  return fields;
}

/** Of the trials' work, each counting as one; null: there are none. */
function fractionDone({ trials }: RunModel): number | null {
  const parts = trials.map((trial) =>
    trial.status === "done" || trial.status === "dropped"
      ? 1
      : trial.iterations === 0
        ? 0
        : done(trial) / trial.iterations,
  );
  return parts.length === 0 ? null : parts.reduce((sum, part) => sum + part, 0) / parts.length;
}

function done({ steps }: TrialModel): number {
  const last = steps.at(-1);
  return last === undefined ? 0 : iterationNumber(last.head.step);
}

/** Paces are of whole iterations, updates in. */
function costFields({ step, trial }: HeaderInput): Line[] {
  const fields: Line[] = [];
  if (step !== null) {
    const { total } = step.seconds;
    const tokens = total > 0 ? (step.length_mean * step.batch) / total : null;
    fields.push([{ text: `${formatCount(step.episodes_per_s)} episodes/s` }]);
    if (tokens !== null) {
      fields.push([{ text: `${formatCount(tokens)} tokens/s` }]);
    }
  }
  const memory = step?.memory_bytes ?? trial?.worker?.memory_bytes ?? null;
  if (memory !== null && memory > 0) {
    fields.push(field("worker", formatBytes(memory)));
  }
  // A head read from an older journal has no such key.
  const gpu = step?.gpu ?? trial?.worker?.gpu ?? null;
  if (gpu !== null) {
    const load = gpu.load === null ? "" : `${formatFraction(Math.round(gpu.load * 100) / 100)}, `;
    const [used, total] = [gpu.memory_used_bytes, gpu.memory_total_bytes].map(formatBytes);
    fields.push(field("GPU", `${load}${used} of ${total}`));
  }
  if (trial !== null && trial.restarts > 0) {
    const times = trial.restarts === 1 ? "once" : `${trial.restarts} times`;
    fields.push([{ text: `restarted ${times}`, color: "yellow" }]);
  }
  return fields;
}
