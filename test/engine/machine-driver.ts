/** Drives the run's state machine as an engine would, with plans and turns of every kind. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Action, TrialAction } from "../../src/engine/action.js";
import { commanded, type RunCommand } from "../../src/engine/commands.js";
import { type Plan, planRun } from "../../src/engine/plan.js";
import { initialState, type RunState } from "../../src/engine/run-state.js";
import { advance } from "../../src/engine/state.js";
import { trialIsOver } from "../../src/engine/trial-state.js";
import type { EventPayload, JournalEvent } from "../../src/journal/events.js";
import { answerTo } from "./event-payloads.js";
import { smallExperiment } from "./experiments.js";

/** Cheaper than expect, which the thousands of checks of a property would wait for. */
export function must(holds: boolean, rule: string): void {
  if (!holds) {
    throw new Error(`broken: ${rule}`);
  }
}

/** Drives the machine as an engine would, and checks what must hold after every event. */
export class Driver {
  readonly events: JournalEvent[] = [];
  readonly states: RunState[] = [];
  readonly started: TrialAction[] = [];
  readonly inHand = new Map<string, TrialAction>();
  readonly discarding: Extract<Action, { kind: "discard" }>[] = [];
  readonly told = new Map<string, "soft" | "hard">();
  concluding: "done" | "failed" | "interrupted" | null = null;
  state: RunState;

  constructor(readonly plan: Plan) {
    this.state = initialState(plan);
    const ids = plan.trials.map(({ id }) => id);
    this.happen(null, {
      type: "run_started",
      name: plan.name,
      trials: ids,
      parallel: plan.parallel,
    });
  }

  happen(trial: string | null, eventPayload: EventPayload): void {
    const stamp = { seq: this.events.length + 1, time: "", trial };
    // As it would be read back.
    const event = JSON.parse(JSON.stringify({ ...stamp, ...eventPayload })) as JournalEvent;
    const before = this.state;
    const [state, actions] = advance(this.plan, before, event);
    this.state = state;
    this.events.push(event);
    this.states.push(state);
    for (const action of actions) {
      this.take(action);
    }
    this.check(before, event);
    // As the engine does: once what came of the event before is dealt with.
    for (const { trial: owner, points } of this.discarding.splice(0)) {
      for (const point of points) {
        this.happen(owner, { type: "checkpoint_dropped", ...point });
      }
    }
  }

  take(action: Action): void {
    if (action.kind === "conclude") {
      must(this.concluding === null, "one conclusion");
      this.concluding = action.outcome;
    } else if (action.kind === "decide") {
      // Its plans have no sweep.
      must(false, "nothing to decide");
    } else if (action.kind === "discard") {
      this.discarding.push(action);
    } else if (action.kind === "interrupt") {
      const how = action.hard ? "hard" : "soft";
      must(this.inHand.has(action.trial), "only what is in hand is interrupted");
      must(this.told.get(action.trial) !== how, "interrupted once");
      this.told.set(action.trial, how);
    } else {
      must(!this.inHand.has(action.trial), "one action in hand");
      must(this.concluding === null, "no action after the conclusion");
      this.inHand.set(action.trial, action);
      this.started.push(action);
      if (action.kind === "load") {
        const { after } = this.plan.trials.find(({ id }) => id === action.trial)!;
        must(action.from === (after === null ? null : `m/${after}`), "starts from its SFT model");
      }
      const closing = ["checkpoint", "finish", "release"].includes(action.kind);
      must(this.state.stop === "no" || closing, "nothing new begins once stopping");
      const { wanted } = this.state.trials[action.trial]!;
      const asked =
        (action.kind === "checkpoint" && (wanted.checkpoint || wanted.evaluation)) ||
        (action.kind === "evaluate" && wanted.evaluation && !action.final);
      const paused = this.state.paused && this.state.stop === "no";
      must(!paused || asked, "a paused run begins only what is asked for");
    }
  }

  check(before: RunState, event: JournalEvent): void {
    const states = Object.values(this.state.trials);
    const slots = states.flatMap(({ slot }) => (slot === null ? [] : [slot]));
    must(new Set(slots).size === slots.length, "a slot each");
    must(
      slots.every((slot) => slot >= 0 && slot < this.state.parallel),
      "never more than `parallel` working",
    );
    const early = states.filter(({ phase, slot }) => phase === "running" && slot === null);
    must(
      early.length <= Math.max(this.state.parallel, before.parallel),
      "never more than `parallel` waiting",
    );
    for (const [id, own] of Object.entries(before.trials)) {
      const now = this.state.trials[id]!;
      const final = own.phase === "done" || (trialIsOver(own) && event.type !== "run_resumed");
      must(!final || now === own, "the end is final");
      must(
        now.step === own.step || event.type !== "checkpoint_dropped",
        "dropping is no step back",
      );
      must(now.inHand === (this.inHand.get(id)?.kind ?? null), "the state knows what is in hand");
    }
  }

  /** Ends the action in hand of one trial. */
  settle(trial: string, how: "well" | "aborted" | "failed" | "lost" | "unsaved"): void {
    const action = this.inHand.get(trial)!;
    const told = this.told.get(trial);
    this.inHand.delete(trial);
    this.told.delete(trial);
    if (how === "failed") {
      const facts = {
        reason: "internal",
        message: `${trial} broke`,
        key: null,
        detail: null,
      } as const;
      this.happen(trial, { type: "trial_failed", ...facts });
    } else if (how === "lost") {
      const { restarts, saved } = this.state.trials[trial]!;
      this.happen(trial, {
        type: "worker_lost",
        reason: "exited",
        action: action.kind,
        message: "it died",
        detail: null,
        stacks: null,
        restarts: restarts + 1,
        from: saved.at(-1)?.step ?? null,
      });
    } else if (how === "unsaved" && action.kind === "checkpoint") {
      this.happen(trial, { type: "checkpoint_failed", step: action.step, message: "disk full" });
    } else if (how === "unsaved" && action.kind === "restore") {
      const { step, path, older: from } = action;
      this.happen(trial, { type: "checkpoint_damaged", step, path, message: "flipped", from });
    } else if (how === "aborted" && told !== undefined) {
      this.happen(trial, { type: "action_interrupted", action: action.kind });
    } else {
      if (action.kind === "load") {
        const { arm, seed, stage, iterations } = this.plan.trials.find(({ id }) => id === trial)!;
        this.inHand.set(trial, action);
        this.happen(trial, { type: "trial_started", arm, seed, stage, iterations });
        this.inHand.delete(trial);
      }
      this.happen(trial, answerTo(action));
    }
  }

  /** What a user asks for. @returns null: it is carried out; or why it does not apply */
  command(command: RunCommand): string | null {
    const answer = commanded(this.plan, this.state, command);
    if ("refused" in answer) {
      return answer.refused;
    }
    this.happen(null, answer);
    return null;
  }

  /** The controller is gone with all its workers; another takes the run up. */
  resume(parallel = this.plan.parallel): void {
    this.inHand.clear();
    this.told.clear();
    this.concluding = null;
    const from = Object.entries(this.state.trials)
      .filter(([, { phase }]) => phase !== "done")
      .map(([id, { saved }]) => [id, saved.at(-1)?.step ?? null]);
    const facts = { cut_bytes: 0, from: Object.fromEntries(from) };
    this.happen(null, { type: "run_resumed", parallel, ...facts });
  }

  get busy(): string[] {
    return [...this.inHand.keys()];
  }

  finish(): void {
    expect(this.concluding).not.toBeNull();
    expect(this.inHand.size).toBe(0);
    const outcome = this.concluding!;
    this.happen(null, { type: "run_finished", outcome, message: "", seconds: 1 });
    expect(this.state.phase).toBe(outcome);
  }
}

export const plans = fc
  .record({
    seeds: fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 }),
    parallel: fc.integer({ min: 1, max: 4 }),
    arms: fc.subarray(["base", "sft", "rlhf", "ra-rlhf", "random-drop"], { minLength: 1 }),
    sft: fc.constantFrom(0, 3),
    every: fc.constantFrom(0, 1, 2),
    checkpoint: fc.constantFrom(0, 1, 3),
    iterations: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ seeds, parallel, arms, sft, every, checkpoint, iterations }) =>
    planRun(
      smallExperiment({
        seeds,
        parallel,
        arms: Object.fromEntries(arms.map((arm) => [arm, { training: { iterations } }])),
        sft: { steps: sft },
        evaluation: { every },
        checkpoint: { every: checkpoint },
      }),
      { cores: 2, gpus: 0 },
    ),
  );

/** Each number picks the trial whose action settles next, and how. */
export const turns = fc.infiniteStream(
  fc.record({
    pick: fc.nat(1000),
    how: fc.constantFrom("well", "well", "aborted", "well") as fc.Arbitrary<"well" | "aborted">,
  }),
);

export function replay(plan: Plan, events: readonly JournalEvent[]): RunState {
  return events.reduce((state, event) => advance(plan, state, event)[0], initialState(plan));
}
