/** The journal's events in words, one line each, for the event log. */
import type { EventHead } from "../journal/event-head.js";
import { iterationName, iterationPoint } from "../text/iterations.js";
import { formatBytes, formatDuration, formatNumber } from "../text/numbers.js";
import { safeText } from "../text/safe-text.js";
import type { LogLine } from "./run-model.js";

type Words = readonly [level: LogLine["level"], text: string];

/** Null: the event is no news of its own, as a step is that went as steps do. */
export function logLineOf(head: EventHead): LogLine | null {
  const words = wordsOf(head);
  if (words === null) {
    return null;
  }
  const { seq, time, trial } = head;
  return { seq, time, trial, level: words[0], text: safeText(words[1]) };
}

function wordsOf(head: EventHead): Words | null {
  switch (head.type) {
    case "run_started":
      return ["info", `run started: ${counted(head.trials.length, "trial")}`];
    case "run_resumed":
      return ["info", `run resumed${cutWords(head.cut_bytes)}`];
    case "run_finished":
      return head.outcome === "done"
        ? ["info", `run done in ${formatDuration(head.seconds)}`]
        : [head.outcome === "failed" ? "error" : "warning", `run ${head.outcome}: ${head.message}`];
    case "stop_requested":
      return ["warning", head.how === "now" ? "break off asked for" : "stop asked for"];
    case "paused":
      return ["info", "paused"];
    case "continued":
      return ["info", "continued"];
    case "checkpoint_requested":
      return ["info", `checkpoint asked for: ${head.trials.join(", ")}`];
    case "evaluation_requested":
      return ["info", `evaluation asked for: ${head.trials.join(", ")}`];
    case "worker_opened":
      return ["info", `worker started: ${head.engine} ${head.version}, process ${head.pid}`];
    case "trial_started":
      return ["info", head.iterations > 0 ? `started: ${head.iterations} iterations` : "started"];
    case "worker_ready":
      return ["info", `models loaded on ${head.device} in ${formatDuration(head.seconds)}`];
    case "worker_lost":
      return [
        "warning",
        `worker lost (${head.reason}): ${head.message}; restart ${head.restarts} from ${iterationPoint(head.from)}`,
      ];
    case "restored":
      return ["info", `restored iteration ${head.step}`];
    case "sft_finished":
      return [
        "info",
        `SFT done: ${head.steps} steps, loss ${formatNumber(head.loss_first, 2)} to ${formatNumber(head.loss_last, 2)}`,
      ];
    case "step":
      return head.failed > 0
        ? ["warning", `${iterationName(head.step)}: ${counted(head.failed, "reward")} failed`]
        : null;
    case "evaluated":
      return ["info", evaluationWords(head)];
    case "checkpoint_saved":
      return ["info", `checkpoint at iteration ${head.step}, ${formatBytes(head.bytes)}`];
    case "checkpoint_failed":
      return ["warning", `checkpoint at iteration ${head.step} failed: ${head.message}`];
    case "checkpoint_damaged":
      return [
        "warning",
        `checkpoint of iteration ${head.step} is damaged: ${head.message}; goes on from ${iterationPoint(head.from)}`,
      ];
    case "checkpoint_dropped":
      return null;
    case "model_exported":
      return ["info", `model exported to ${head.path}`];
    case "action_interrupted":
      return ["warning", `${head.action} broken off`];
    case "trial_finished":
      return ["info", `done in ${formatDuration(head.seconds)}`];
    case "trial_interrupted":
      return ["warning", `stopped after iteration ${head.step}, ${savedWords(head.saved)}`];
    case "trial_failed":
      return ["error", `failed: ${head.message}`];
    case "warning":
      return ["warning", head.message];
  }
}

function evaluationWords(head: Extract<EventHead, { type: "evaluated" }>): string {
  const { reward_mean: reward, tail_reward: tail } = head.metrics;
  const figure = (value: number | undefined): string => formatNumber(value ?? null, 2);
  const failed = head.failed > 0 ? `, ${counted(head.failed, "reward")} failed` : "";
  return `${head.final ? "final evaluation" : `evaluation at iteration ${head.step}`}: reward ${figure(reward)}, tail ${figure(tail)}${failed}`;
}

function savedWords(saved: number | null): string {
  return saved === null ? "nothing saved" : `saved at iteration ${saved}`;
}

function cutWords(bytes: number): string {
  return bytes === 0 ? "" : `; ${counted(bytes, "byte")} of a torn last line cut off`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
