/**
 * A run's observations as lines for a log: one a step, one a turn of events, and in long phases
 * one now and then with what is left of it.
 */

import type { Observation } from "../../engine/ports.js";
import type { JournalEvent, StepEvent } from "../../journal/events.js";
import { iterationName, iterationPoint } from "../../text/iterations.js";
import { formatDuration as duration } from "../../text/numbers.js";

/** Between two lines of a phase's progress. */
const phaseEverySeconds = 10;

interface TrialTrace {
  iterations: number;
  phase: string;
  phaseBegan: number;
  lastLine: number;
  /** Mean seconds a step so far, evaluations and checkpoints in. */
  firstStepAt: number | null;
  stepsSeen: number;
}

export class PlainLines {
  readonly #traces = new Map<string, TrialTrace>();

  /** What is known of trials whose start these lines did not see. */
  expect(trials: readonly { readonly id: string; readonly iterations: number }[]): void {
    for (const { id, iterations } of trials) this.#trace(id, 0).iterations = iterations;
  }

  /** @param now seconds, monotonic */
  lineOf(observation: Observation, now: number): string | null {
    if (observation.kind === "event") return this.#event(observation.event, now);
    const { trial, phase, done, total, unit } = observation;
    const trace = this.#trace(trial, now);
    if (trace.phase !== phase) {
      trace.phase = phase;
      trace.phaseBegan = now;
    }
    if (now - trace.lastLine < phaseEverySeconds) return null;
    trace.lastLine = now;
    const share = total > 0 ? ` ${done}/${total} ${unit}` : "";
    const left = total > 0 && done > 0 ? ((now - trace.phaseBegan) / done) * (total - done) : null;
    return `${trial}  ${phase}${share}${left === null ? "" : `, ${duration(left)} left`}`;
  }

  #event(event: JournalEvent, now: number): string | null {
    const { trial } = event;
    if (trial === null) return runLine(event);
    const trace = this.#trace(trial, now);
    trace.lastLine = now;
    if (event.type === "trial_started") trace.iterations = event.iterations;
    const line = event.type === "step" ? this.#step(event, trace, now) : trialLine(event);
    return line === null ? null : `${trial}  ${line}`;
  }

  #step(event: StepEvent, trace: TrialTrace, now: number): string {
    trace.firstStepAt ??= now - event.seconds.total;
    trace.stepsSeen += 1;
    const ahead = trace.iterations - event.step - 1;
    const left = ((now - trace.firstStepAt) / trace.stepsSeen) * ahead;
    return [
      iterationName(event.step, trace.iterations),
      `reward ${figure(event.reward_mean)}`,
      `CVaR ${figure(event.cvar)}`,
      `α' ${figure(event.alpha)}`,
      `kept ${event.kept}/${event.batch}`,
      ...(event.failed > 0 ? [`${event.failed} rewards failed`] : []),
      `KL ${figure(event.kl_mean)}`,
      `β ${event.beta.toPrecision(3)}`,
      `${event.seconds.total.toFixed(1)} s`,
      ...(ahead > 0 ? [`${duration(left)} left`] : []),
    ].join("  ");
  }

  #trace(trial: string, now: number): TrialTrace {
    const known = this.#traces.get(trial);
    if (known !== undefined) return known;
    const trace = {
      iterations: 0,
      phase: "",
      phaseBegan: now,
      lastLine: now,
      firstStepAt: null,
      stepsSeen: 0,
    };
    this.#traces.set(trial, trace);
    return trace;
  }
}

function runLine(event: JournalEvent): string | null {
  switch (event.type) {
    case "run_started": {
      const side = event.parallel > 1 ? `, ${event.parallel} side by side` : "";
      return `${event.name}: ${event.trials.length} ${event.trials.length === 1 ? "trial" : "trials"}${side}: ${event.trials.join(", ")}`;
    }
    case "run_resumed": {
      const back = Object.entries(event.from).map(
        ([trial, step]) => `${trial} from ${iterationPoint(step)}`,
      );
      const cut =
        event.cut_bytes > 0
          ? `; ${event.cut_bytes} bytes of a torn last journal line were cut off`
          : "";
      return `resumed: ${back.length > 0 ? back.join(", ") : "every trial is done"}${cut}`;
    }
    case "run_finished":
      return `${event.outcome} after ${duration(event.seconds)}`;
    case "warning":
      return `warning: ${event.message}`;
    case "paused":
      return "paused: steps in hand are finished, nothing new begins";
    case "continued":
      return "continued";
    case "stop_requested":
      return event.how === "now" ? "asked to break off" : "asked to stop after the steps in hand";
    case "checkpoint_requested":
      return `asked to save: ${event.trials.join(", ")}`;
    case "evaluation_requested":
      return `asked to evaluate: ${event.trials.join(", ")}`;
    default:
      return null;
  }
}

function trialLine(event: JournalEvent): string | null {
  switch (event.type) {
    case "trial_started":
      return "starting";
    case "worker_ready":
      return `ready in ${duration(event.seconds)}: ${event.engine} on ${event.device_name || event.device}, ${(event.parameters / 1e6).toFixed(1)} M parameters`;
    case "sft_finished":
      return `SFT ${event.steps} steps in ${duration(event.seconds)}: loss ${figure(event.loss_first)} to ${figure(event.loss_last)}`;
    case "evaluated": {
      const figures = ["reward_mean", "tail_reward", "harm_rate"].flatMap((name) =>
        event.metrics[name] === undefined ? [] : [`${name} ${figure(event.metrics[name])}`],
      );
      const which = event.final ? "evaluated" : `evaluated at ${iterationPoint(event.step)}`;
      return `${which} in ${duration(event.seconds)}: ${figures.join("  ")}`;
    }
    case "worker_lost": {
      const stacks =
        event.stacks === null ? "" : `; the stacks of its threads are in ${event.stacks}`;
      const from = iterationPoint(event.from);
      return `worker lost: ${event.message}${stacks}; restart ${event.restarts}, from ${from}`;
    }
    case "restored":
      return `restored ${event.path}`;
    case "checkpoint_damaged":
      return `checkpoint damaged: ${event.message}; going on from ${iterationPoint(event.from)}`;
    case "checkpoint_failed":
      return `checkpoint not saved: ${event.message}; training goes on`;
    case "checkpoint_saved":
      return `checkpoint ${event.path}`;
    case "model_exported":
      return `model ${event.path}`;
    case "trial_finished":
      return `finished in ${duration(event.seconds)}`;
    case "trial_failed":
      return `failed: ${event.message}`;
    case "warning":
      return `warning: ${event.message}`;
    default:
      return null;
  }
}

function figure(value: number): string {
  return value.toFixed(2);
}
