/**
 * A run's observations as lines for a log: figures for each step, words for the other events, and in
 * a long phase a line now and then with what is left of it.
 */
import type { Observation } from "../../engine/ports.js";
import type { JournalEvent, StepEvent } from "../../journal/events.js";
import { eventWords } from "../../run-model/event-words.js";
import { queueState } from "../../run-model/run-model.js";
import { iterationName } from "../../text/iterations.js";
import { formatDuration as duration } from "../../text/numbers.js";
import { riskFigureName } from "../../text/risk-figure-name.js";
import { safeText } from "../../text/safe-text.js";

/** Between two lines of a phase's progress. */
const phaseEverySeconds = 10;

interface TrialTrace {
  iterations: number;
  phase: string;
  /** The line that was last told of its job in a queue. */
  queued?: string;
  phaseBegan: number;
  lastLine: number;
  /** Mean seconds per step so far, evaluations and checkpoints in. */
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
    const { trial, phase, done, total, unit, loss } = observation;
    const trace = this.#trace(trial, now);
    const queued = queueState({ name: phase, unit });
    if (queued !== null) {
      const line = `${trial}  waiting for a worker: ${safeText(queued)}`;
      const isNew = trace.queued !== line;
      trace.queued = line;
      return isNew ? line : null;
    }
    if (trace.phase !== phase) {
      trace.phase = phase;
      trace.phaseBegan = now;
    }
    if (now - trace.lastLine < phaseEverySeconds) return null;
    trace.lastLine = now;
    const progress = total > 0 ? ` ${done}/${total} ${unit}` : "";
    const left = total > 0 && done > 0 ? ((now - trace.phaseBegan) / done) * (total - done) : null;
    const lossText = loss === null ? "" : `, loss ${loss.toFixed(3)}`;
    return `${trial}  ${phase}${progress}${lossText}${left === null ? "" : `, ${duration(left)} left`}`;
  }

  #event(event: JournalEvent, now: number): string | null {
    const { trial } = event;
    if (trial === null) return wordsOf(event);
    const trace = this.#trace(trial, now);
    trace.lastLine = now;
    if (event.type === "trial_started") trace.iterations = event.iterations;
    const line = event.type === "step" ? this.#step(event, trace, now) : wordsOf(event);
    return line === null ? null : `${trial}  ${line}`;
  }

  #step(event: StepEvent, trace: TrialTrace, now: number): string {
    trace.firstStepAt ??= now - event.seconds.total;
    trace.stepsSeen += 1;
    const ahead = trace.iterations - event.step - 1;
    const left = ((now - trace.firstStepAt) / trace.stepsSeen) * ahead;
    return [
      iterationName(event.step, trace.iterations),
      `raw reward ${figure(event.reward_mean)}`,
      `CVaR ${figure(event.cvar)}`,
      `α' ${figure(event.alpha)}${heldWords(event)}`,
      `kept ${event.kept}/${event.batch}${effectiveWords(event)}`,
      ...(event.sampling !== undefined
        ? [
            `hardest ${figure(event.batch_fraction)}`,
            `effective ${event.sampling.effective.toFixed(0)}/${event.batch - event.failed}`,
          ]
        : []),
      ...Object.entries(event.risk_figures ?? {}).map(
        ([name, value]) => `${riskFigureName(name)} ${figure(value)}`,
      ),
      ...(event.groups !== undefined && event.groups.equal > 0
        ? [`${event.groups.equal} of ${event.groups.prompts} groups equal`]
        : []),
      ...(event.failed > 0 ? [`${event.failed} rewards failed`] : []),
      `KL ${figure(event.kl_mean)}`,
      `β ${event.beta.toPrecision(3)}${stageWords(event)}`,
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

function wordsOf(event: JournalEvent): string | null {
  const words = eventWords(event);
  return words && `${event.type === "warning" ? "warning: " : ""}${safeText(words.text)}`;
}

function figure(value: number): string {
  return value.toFixed(2);
}

/** Why a closed loop lets α' stay, once the warm start is over. */
function heldWords({ annealing }: StepEvent): string {
  const cause = annealing?.cause ?? "";
  return cause.startsWith("held") && cause !== "held: warm start" ? ` (${cause})` : "";
}

/** Where a stage of `kl.schedule` begins. */
function stageWords({ kl_stage, step }: StepEvent): string {
  return kl_stage === undefined || kl_stage.from !== step || step === 0
    ? ""
    : ` (a stage begins: target ${kl_stage.target})`;
}

/** Of uneven weights: of how many even ones they tell as much. */
function effectiveWords({ effective }: StepEvent): string {
  return effective === undefined ? "" : ` (effective ${effective.toFixed(1)})`;
}
