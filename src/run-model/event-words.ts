/**
 * The journal's events in words, one line each: the same in the dashboard's log, in plain lines and
 * in reports. What was written by others (messages, paths) is in them as it is: `safeText` before
 * they are shown.
 */
import type { EventHead } from "../journal/event-head.js";
import type { ActionKind } from "../journal/events.js";
import { iterationName, iterationPoint } from "../text/iterations.js";
import { wordsOfMetric } from "../text/metric-words.js";
import { formatBytes, formatDuration, formatNumber } from "../text/numbers.js";
import { safeText } from "../text/safe-text.js";
import { type ScorePreview, scorePreviewText } from "../text/score-preview.js";
import type { LogLine } from "./run-model.js";

export interface EventWords {
  readonly level: LogLine["level"];
  /** Without the trial's name. */
  readonly text: string;
}

/** A head that is read unchecked from an older journal lacks the field. */
function previewed(preview: ScorePreview | null | undefined): string {
  return (preview ?? null) === null ? "" : `; ${scorePreviewText(preview!)}`;
}

/** Null: the event is no news of its own, as a step is that went as steps do. */
export function eventWords(head: EventHead): EventWords | null {
  switch (head.type) {
    case "run_started": {
      const parallel = head.parallel > 1 ? `, ${head.parallel} in parallel` : "";
      return info(`run started: ${counted(head.trials.length, "trial")}${parallel}`);
    }
    case "run_resumed":
      return info(`run resumed: ${resumedText(head.from)}${cutText(head.cut_bytes)}`);
    case "run_finished": {
      const { outcome, message, seconds } = head;
      return outcome === "done"
        ? info(`run done in ${formatDuration(seconds)}`)
        : {
            level: outcome === "failed" ? "error" : "warning",
            text: `run ${outcome} after ${formatDuration(seconds)}${message === "" ? "" : `: ${message}`}`,
          };
    }
    case "stop_requested":
      return warning(
        head.how === "now"
          ? "abort requested"
          : "stop requested: current iterations are finished and saved",
      );
    case "paused":
      return info("paused after the current iterations");
    case "continued":
      return info("continued");
    case "checkpoint_requested":
      return info(`checkpoint requested: ${head.trials.join(", ")}`);
    case "evaluation_requested":
      return info(`evaluation requested: ${head.trials.join(", ")}`);
    case "points_dropped": {
      const words = wordsOfMetric(head.metric)?.title ?? head.metric;
      return info(
        `after seed ${head.seed} these points go on, by their ${words}: ${head.kept.join(", ")}; ` +
          `dropped: ${head.dropped.join(", ") || "none"}`,
      );
    }
    case "worker_opened":
      return info(
        `worker ready: engine ${head.engine}, worker package ${head.version}, process ${head.pid}` +
          (head.host ? ` on ${head.host}` : ""),
      );
    case "trial_started":
      return info(head.iterations > 0 ? `started: ${head.iterations} iterations` : "started");
    case "worker_ready":
      return info(
        `models loaded on ${head.device_name || head.device} in ${formatDuration(head.seconds)}: ` +
          `${(head.parameters / 1e6).toFixed(1)} M parameters${previewed(head.reward_preview)}`,
      );
    case "worker_lost": {
      const stacks =
        head.stacks === null ? "" : `; the stacks of its threads are in ${head.stacks}`;
      return warning(
        `worker lost (${head.reason}): ${head.message}${stacks}; ` +
          `restart ${head.restarts} from ${iterationPoint(head.from)}`,
      );
    }
    case "restored":
      return info(`restored iteration ${head.step}`);
    case "stage_started": {
      const what = head.kind === "sft" ? "SFT" : `stage ${head.name}`;
      return info(
        head.waits_for === null
          ? `${what} is being trained`
          : `${what} is being trained by ${head.waits_for}; waiting for its result`,
      );
    }
    case "stage_ready": {
      const figures = Object.entries(head.figures).map(
        ([name, value]) => `${name} ${formatNumber(value, 3)}`,
      );
      const how = head.reused
        ? `reused from ${head.path}`
        : `trained in ${formatDuration(head.seconds)}`;
      return info([`stage ${head.name} ${how}`, ...figures].join(", "));
    }
    case "sft_finished":
      if (head.artifact?.reused === true) {
        return info(
          `SFT reused from artifact ${head.artifact.digest.slice(0, 12)}: ${head.steps} steps, ` +
            `loss ${figure(head.loss_first)} to ${figure(head.loss_last)}`,
        );
      }
      return info(
        `SFT done: ${head.steps} steps in ${formatDuration(head.seconds)}, ` +
          `loss ${figure(head.loss_first)} to ${figure(head.loss_last)}`,
      );
    case "step":
      return head.failed > 0
        ? warning(`${iterationName(head.step)}: ${counted(head.failed, "reward")} failed`)
        : null;
    case "evaluated":
      return info(evaluationText(head));
    case "checkpoint_saved":
      return info(`checkpoint at iteration ${head.step}, ${formatBytes(head.bytes)}`);
    case "checkpoint_failed":
      return warning(`checkpoint at iteration ${head.step} not saved: ${head.message}`);
    case "checkpoint_damaged":
      return warning(
        `checkpoint at iteration ${head.step} is damaged: ${head.message}; ` +
          `continues from ${iterationPoint(head.from)}`,
      );
    case "checkpoint_dropped":
      return null;
    case "model_exported":
      return info(`model exported to ${head.path}`);
    case "action_interrupted":
      return warning(`${abortedText[head.action] ?? head.action} aborted`);
    case "trial_finished":
      return info(`done in ${formatDuration(head.seconds)}`);
    case "trial_interrupted": {
      return warning(`stopped ${interruptedText(head)}`);
    }
    case "trial_failed":
      return { level: "error", text: `failed: ${head.message}` };
    case "warning":
      return warning(head.message);
  }
}

/** For the event log, safe to print; null: as {@link eventWords}. */
export function logLineOf(head: EventHead): LogLine | null {
  const words = eventWords(head);
  const { seq, time, trial } = head;
  return words && { seq, time, trial, level: words.level, text: safeText(words.text) };
}

function info(text: string): EventWords {
  return { level: "info", text };
}

function warning(text: string): EventWords {
  return { level: "warning", text };
}

/** What each action is called, and what its end costs. */
const abortedText: Readonly<Partial<Record<ActionKind, string>>> = {
  step: "iteration",
  sft: "SFT, which is saved at its end alone and starts again on resume,",
  evaluate: "evaluation",
};

/** What is behind it, and what of that is lost. */
function interruptedText({
  step,
  saved,
}: Extract<EventHead, { type: "trial_interrupted" }>): string {
  if (saved === null)
    return `${step === 0 ? "" : `after iteration ${step}, `}nothing saved: it starts again on resume`;
  const lost = step > saved ? `; iterations ${saved + 1} to ${step} are repeated on resume` : "";
  return `after iteration ${step}, saved at iteration ${saved}${lost}`;
}

function resumedText(from: Extract<EventHead, { type: "run_resumed" }>["from"]): string {
  const trials = Object.entries(from).map(([id, step]) => `${id} from ${iterationPoint(step)}`);
  return trials.length === 0 ? "every trial is done" : trials.join(", ");
}

function cutText(bytes: number): string {
  return bytes === 0
    ? ""
    : `; ${counted(bytes, "byte")} of an incomplete last journal line dropped`;
}

function evaluationText(head: Extract<EventHead, { type: "evaluated" }>): string {
  const { reward_mean: reward, tail_reward: tail } = head.metrics;
  const which = head.final ? "final evaluation" : `evaluation at ${iterationPoint(head.step)}`;
  const failed = head.failed > 0 ? `, ${counted(head.failed, "reward")} failed` : "";
  return `${which} in ${formatDuration(head.seconds)}: raw reward ${figure(reward)}, tail ${figure(tail)}${failed}`;
}

function figure(value: number | undefined): string {
  return formatNumber(value ?? null, 2);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
