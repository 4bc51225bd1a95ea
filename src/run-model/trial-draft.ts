/**
 * One trial while entries are folded into it. It changes in place, for a history of 10,000 steps
 * must not be copied at every step; the fold copies it once per batch.
 */
import type { EventHead, JournalEntry } from "../journal/event-head.js";
import type { HeadOf, StepHead, TrialModel } from "./run-model.js";
import { paceAfter, secondsOf } from "./time-left.js";

type Draft<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K];
};
export type TrialDraft = Draft<TrialModel>;

export function draftOf(trial: TrialModel): TrialDraft {
  return {
    ...trial,
    steps: [...trial.steps],
    evaluations: [...trial.evaluations],
    checkpoints: [...trial.checkpoints],
  };
}

/** Whether what a trial had in hand is done with its event; some come in between. */
export function endsWork({ type }: Pick<EventHead, "type">): boolean {
  return type !== "warning" && type !== "checkpoint_dropped" && type !== "trial_started";
}

/** Takes an event of this trial. */
export function takeTrialEvent(draft: TrialDraft, entry: JournalEntry): void {
  const { head } = entry;
  if (endsWork(head) || head.type === "trial_started") {
    draft.phase = null;
  }
  switch (head.type) {
    case "worker_opened":
      draft.status = "starting";
      return;
    case "trial_started":
      draft.arm = head.arm;
      draft.seed = head.seed;
      draft.stage = head.stage;
      draft.iterations = head.iterations;
      draft.status = "running";
      draft.startedAt = secondsOf(head);
      return;
    case "worker_ready":
      draft.worker = head;
      draft.status = "running";
      return;
    case "restored":
      draft.status = "running";
      return;
    case "stage_started":
      if (head.waits_for === null && head.kind !== "sft") {
        draft.loss = { name: stageLossName(head.name), points: [] };
      }
      return;
    case "stage_ready":
      draft.loss = { name: stageLossName(head.name), points: head.curve };
      return;
    case "sft_finished":
      // A head that is read unchecked from an older journal lacks the curve.
      draft.loss = { name: "SFT", points: head.curve ?? [] };
      return;
    case "step":
      takeStep(draft, head, entry);
      return;
    case "evaluated":
      takeEvaluation(draft, head, entry);
      return;
    case "checkpoint_saved":
      draft.checkpoints = [...without(draft.checkpoints, head.step), head.step];
      return;
    case "checkpoint_dropped":
      draft.checkpoints = without(draft.checkpoints, head.step);
      return;
    case "checkpoint_damaged":
      draft.checkpoints = without(draft.checkpoints, head.step);
      goBack(draft, head.from);
      return;
    case "worker_lost":
      draft.restarts = head.restarts;
      goBack(draft, head.from);
      return;
    case "model_exported":
      draft.exported = head.path;
      return;
    case "trial_finished":
      endAs(draft, "done", head);
      return;
    case "trial_failed":
      endAs(draft, "failed", head);
      draft.message = head.message;
      return;
    case "trial_interrupted":
      endAs(draft, "interrupted", head);
  }
}

function stageLossName(stage: string): string {
  return `stage ${stage}`;
}

/**
 * The trial continues from a checkpoint: what it did since then will be done again. All the work of
 * one that has its final evaluation and its model is on disk: such a trial has nothing to do again.
 *
 * @param from iterations done there; null: from the start
 */
export function goBack(draft: TrialDraft, from: number | null): void {
  draft.phase = null;
  draft.status = "starting";
  draft.message = null;
  draft.endedAt = null;
  draft.lastStepAt = null;
  const complete =
    draft.exported !== null &&
    draft.steps.length === draft.iterations &&
    draft.evaluations.some(({ head }) => head.final);
  if (!complete) {
    truncateSteps(draft, from ?? 0);
    draft.evaluations = draft.evaluations.filter(({ head }) => head.step <= (from ?? 0));
  }
}

function takeStep(draft: TrialDraft, head: StepHead, entry: JournalEntry): void {
  truncateSteps(draft, head.step);
  draft.steps.push({ head, entry });
  draft.failedRewards += head.failed;
  draft.status = "running";
  const at = secondsOf(head);
  // The first step since the trial was taken up has none before it: what it says of itself must do.
  const seconds =
    draft.lastStepAt === null ? head.seconds.total : Math.max(0, at - draft.lastStepAt);
  draft.pace = paceAfter(draft.pace, seconds);
  draft.lastStepAt = at;
}

function truncateSteps(draft: TrialDraft, count: number): void {
  while (draft.steps.length > 0 && draft.steps.at(-1)!.head.step >= count) {
    draft.failedRewards -= draft.steps.pop()!.head.failed;
  }
}

function takeEvaluation(draft: TrialDraft, head: HeadOf<"evaluated">, entry: JournalEntry): void {
  const again = draft.evaluations.findIndex(
    ({ head: { step, final } }) => step === head.step && final === head.final,
  );
  if (again >= 0) {
    draft.evaluations.splice(again, 1);
  }
  draft.evaluations.push({ head, entry });
}

function endAs(draft: TrialDraft, status: TrialModel["status"], head: EventHead): void {
  draft.status = status;
  draft.endedAt = secondsOf(head);
}

function without(steps: readonly number[], step: number): number[] {
  return steps.filter((other) => other !== step);
}
