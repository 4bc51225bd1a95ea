/**
 * What to do about a run that failed, as far as it can work: a resumed run keeps its configuration,
 * so that a cause that lies there needs a new run. Pure.
 */
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import type { RunOutcome } from "../../engine/ports.js";
import type { EventHead } from "../../journal/event-head.js";
import { shellLine } from "../command-line.js";

export type FailureCause = Pick<
  Extract<RunOutcome, { outcome: "failed" }>,
  "kind" | "key" | "trial"
>;

/** Why the run failed, of all that its journal tells; null: it has not, or was taken up since. */
export function recordedFailure(heads: Iterable<EventHead>): FailureCause | null {
  let failure: FailureCause | null = null;
  for (const head of heads) {
    if (head.type === "run_resumed") failure = null;
    if (head.type === "trial_failed") {
      failure ??= { kind: head.reason, key: head.key, trial: head.trial };
    }
  }
  return failure;
}

/**
 * @param command that started the run, as its manifest has it
 * @param resume how to continue the run, in a sentence; null: it has no folder that could be resumed
 */
export function failureAdvice(
  failure: FailureCause,
  experiment: Experiment,
  command: readonly string[],
  resume: string | null,
): string {
  const settings = remedy(failure, experiment);
  if (resume === null) return startAgain(settings ?? ["KEY=VALUE"], command);
  if (settings === null) return `Once the cause is fixed, ${resume}`;
  const line = commandWith(settings, command[0] === "run" ? withoutFolder(command) : null);
  if (failure.kind === "environment") {
    return `A resumed run keeps its device: where that works, ${resume} Else start a new run, such as ${line}.`;
  }
  const other =
    failure.kind === "memory" ? ` If other programs had taken the memory, ${resume}` : "";
  return (
    "The cause lies in the configuration, which a resumed run keeps: start a new run with another " +
    `value, such as ${line}.${other}`
  );
}

/** Of a run whose folder is gone, so that its name is free again. */
function startAgain(settings: readonly string[], command: readonly string[]): string {
  const line = commandWith(settings, command[0] === "run" ? command : null);
  return `No run folder was kept. Start again with another value, such as ${line}.`;
}

function commandWith(settings: readonly string[], command: readonly string[] | null): string {
  const set = settings.flatMap((one) => ["--set", one]);
  return `\`${shellLine([...(command ?? ["run", "EXPERIMENT"]), ...set])}\``;
}

/** Settings that would help; null: the configuration is not to blame. */
function remedy({ kind, key, trial }: FailureCause, experiment: Experiment): string[] | null {
  const planned = planTrials(experiment).find(({ id }) => id === trial);
  const { training, rollout } = planned?.config ?? experiment;
  const isSft = planned?.stage === "sft";
  switch (kind) {
    case "memory":
      return isSft
        ? [`sft.batch=${fewer(experiment.sft.batch)}`]
        : [
            `training.minibatch=${fewer(training.minibatch)}`,
            `rollout.minibatch=${fewer(rollout.minibatch || training.batch)}`,
          ];
    case "diverged":
      return isSft
        ? [`sft.learning_rate=${halved(experiment.sft.learning_rate)}`]
        : [`training.learning_rate=${halved(training.learning_rate)}`];
    case "input":
      return [`${key ?? "KEY"}=VALUE`];
    case "environment":
      return isDevice(key) ? ["backend.device=auto"] : null;
    default:
      return null;
  }
}

function fewer(count: number): number {
  return Math.max(1, Math.floor(count / 2));
}

function isDevice(key: string | null): boolean {
  return key === "backend.device" || key === "backend.dtype";
}

function halved(rate: number): number {
  return Number((rate / 2).toPrecision(3));
}

/** The folder of the run that failed is taken. */
function withoutFolder(command: readonly string[]): string[] {
  return command.filter(
    (word, at) =>
      word !== "--run-dir" && command[at - 1] !== "--run-dir" && !/^--run-dir=/.test(word),
  );
}
