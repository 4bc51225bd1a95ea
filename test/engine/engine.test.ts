import { describe, expect, test } from "vitest";
import { planRun } from "../../src/engine/plan.js";
import { initialState } from "../../src/engine/run-state.js";
import { advance } from "../../src/engine/state.js";
import type { JournalEvent } from "../../src/journal/events.js";
import { float32Array, float32Bytes } from "../../src/protocol/arrays.js";
import type { Result } from "../../src/protocol/messages.js";
import { WorkerFailure, WorkerLost } from "../../src/worker/contract.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { smallExperiment } from "./experiments.js";
import { figuresOf, Harness, type Trick } from "./run-harness.js";

describe("a whole run", () => {
  test("trains every arm and seed, evaluates, exports and sums up", async () => {
    const harness = new Harness(smallExperiment({ seeds: [0, 1], parallel: 2 }));
    const outcome = await harness.run();
    expect(outcome.outcome).toBe("done");
    const { evaluation } = harness.recorder;
    expect(outcome).toEqual({ outcome: "done", evaluation });
    expect(Object.keys(evaluation!.arms)).toEqual(["sft", "rlhf", "ra-rlhf"]);
    expect(evaluation!.arms.rlhf!.seeds).toEqual([0, 1]);
    expect(evaluation!.frontier["ra-rlhf"]!.map(({ seed, step }) => [seed, step])).toEqual([
      ...[0, 2, 4, 6].map((step) => [0, step]),
      ...[0, 2, 4, 6].map((step) => [1, step]),
    ]);
    expect(evaluation!.comparisons.length).toBe(12);
    expect(evaluation!.conclusion).toMatchObject({
      headline: { arm: "ra-rlhf", rule: "first-averse" },
      against_neutral: { seeds: 2, differences: [] },
    });
    expect(harness.types("rlhf-s0")).toEqual([
      ...["worker_opened", "trial_started", "worker_ready", "step", "step", "evaluated"],
      ...["step", "step", "checkpoint_saved", "evaluated", "step", "step", "checkpoint_saved"],
      ...["evaluated", "evaluated", "model_exported", "trial_finished"],
    ]);
    expect(harness.types(null)).toEqual(["run_started", "run_finished"]);
    expect(harness.events.map(({ seq }) => seq)).toEqual(harness.events.map((_, i) => i + 1));
    expect(harness.allClosed).toBe(true);
    expect(harness.opened.length).toBe(6);
    expect([...harness.recorder.samples.keys()].length).toBe(6);
  });

  test("loads RL trials from the SFT model of their seed", async () => {
    const loaded = new Map<string, string>();
    const harness = new Harness(smallExperiment({ seeds: [3] }), ({ trial, command, payload }) => {
      if (command === "load") {
        loaded.set(trial, (payload as { policy: { model: string } }).policy.model);
      }
      return null;
    });
    await harness.run();
    expect(loaded.get("sft-s3")).toBe("builtin");
    expect(loaded.get("ra-rlhf-s3")).toBe(`${harness.recorder.directory}/trials/sft-s3/model-0`);
  });

  test("never has more trials at work than `parallel`", async () => {
    const busy = new Map<string, number>();
    let most = 0;
    const trick: Trick = ({ trial, pass }) => {
      busy.set(trial, (busy.get(trial) ?? 0) + 1);
      most = Math.max(most, [...busy.values()].filter((count) => count > 0).length);
      return pass().finally(() => busy.set(trial, busy.get(trial)! - 1));
    };
    await new Harness(smallExperiment({ seeds: [0, 1, 2], parallel: 3 }), trick).run();
    expect(most).toBeLessThanOrEqual(3);
    expect(most).toBeGreaterThan(1);
  });

  test("gives the same figures whatever runs beside what", async () => {
    const runs = await Promise.all(
      [1, 3].map(async (parallel) => {
        const harness = new Harness(smallExperiment({ seeds: [0, 1], parallel }));
        await harness.run();
        return harness;
      }),
    );
    for (const trial of ["sft-s0", "rlhf-s0", "ra-rlhf-s1"]) {
      const [alone, beside] = runs.map(({ events }) => figuresOf(events, trial));
      expect(beside).toEqual(alone);
    }
    const [alone, beside] = runs.map(({ recorder }) => recorder.evaluation!);
    expect(beside!.frontier).toEqual(alone!.frontier);
  });

  test("risk-neutral and risk-averse arms agree bit for bit until the warm start ends", async () => {
    const harness = new Harness(smallExperiment());
    await harness.run();
    const strip = (trial: string): object[] =>
      harness.steps(trial).map(({ seq: _, time: _t, trial: _id, ...own }) => {
        const { seconds: _s, episodes_per_s: _e, ...figures } = own;
        return figures;
      });
    const [neutral, averse] = [strip("rlhf-s0"), strip("ra-rlhf-s0")];
    // n = 2: steps 0, 1 and 2 keep every episode; step 3 is the first that drops some.
    expect(averse.slice(0, 3)).toEqual(neutral.slice(0, 3));
    expect(averse[3]).not.toEqual(neutral[3]);
    const kept = harness.steps("ra-rlhf-s0").map((step) => step.kept);
    expect(kept.slice(0, 3)).toEqual([16, 16, 16]);
    expect(kept[3]).toBeLessThan(16);
    expect(kept[5]).toBe(8);
  });

  test("the journal replays to the state that the engine ended in", async () => {
    const experiment = smallExperiment();
    const harness = new Harness(experiment);
    await harness.run();
    const plan = planRun(experiment, { cores: 2, gpus: 0 });
    const end = harness.events.reduce(
      (state, event) => advance(plan, state, event)[0],
      initialState(plan),
    );
    expect(end.phase).toBe("done");
    expect(end.trials["ra-rlhf-s0"]).toMatchObject({ phase: "done", step: 6, evaluated: true });
  });

  test("evaluates averaged weights where they are kept, and the start as it is", async () => {
    const harness = new Harness(smallExperiment({ training: { ema_decay: 0.5 } }));
    await harness.run();
    const weights = harness.events.flatMap((event) =>
      event.type === "evaluated" ? [[event.trial, event.weights]] : [],
    );
    expect(new Set(weights.map(String))).toEqual(
      new Set(["sft-s0,current", "rlhf-s0,ema", "ra-rlhf-s0,ema"]),
    );
  });

  test("an SFT trial that no arm lists is trained, and evaluated only as step 0", async () => {
    const harness = new Harness(
      smallExperiment({ arms: { rlhf: { risk: { measure: "mean" } }, "ra-rlhf": {} } }),
    );
    const outcome = await harness.run();
    expect(outcome.outcome).toBe("done");
    const { evaluation } = harness.recorder;
    expect(Object.keys(evaluation!.arms)).toEqual(["rlhf", "ra-rlhf"]);
    expect(evaluation!.frontier.rlhf![0]).toMatchObject({ step: 0, compute: 0 });
    expect(harness.types("sft-s0").filter((type) => type === "evaluated").length).toBe(1);
  });

  test("shows events and the progress between them", async () => {
    const harness = new Harness(smallExperiment({ arms: { sft: {} } }));
    await harness.run();
    const shown = harness.observed.flatMap((seen) => (seen.kind === "event" ? [seen.event] : []));
    expect(shown).toEqual(harness.events);
    expect(harness.observed).toContainEqual(
      expect.objectContaining({ kind: "progress", trial: "sft-s0", phase: "sft" }),
    );
  });
});

describe("failures", () => {
  const failing = (trial: string, command: string, nth: number, error: () => Error): Trick => {
    return (call) =>
      call.trial === trial && call.command === command && call.nth === nth
        ? Promise.reject(error())
        : null;
  };

  test("a wrong model is the user's: kind input, with the key", async () => {
    const harness = new Harness(
      smallExperiment({ parallel: 1 }),
      failing("sft-s0", "load", 0, () => {
        return new WorkerFailure("load", "input", "no model in /x", "policy.model", null);
      }),
    );
    expect(await harness.run()).toEqual({
      outcome: "failed",
      kind: "input",
      key: "policy.model",
      trial: "sft-s0",
      message: "no model in /x (key: policy.model)",
      detail: null,
    });
    expect(harness.allClosed).toBe(true);
    expect(harness.types(null)).toEqual(["run_started", "run_finished"]);
  });

  test("a worker that may not be lost stops the run; the others checkpoint", async () => {
    const harness = new Harness(
      smallExperiment({ parallel: 2, restarts: 0 }),
      failing("rlhf-s0", "update", 2, () => new WorkerLost("it died", "exited", ["a", "b"])),
    );
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "lost", trial: "rlhf-s0" });
    expect(outcome).toMatchObject({ message: "it died", detail: "a\nb" });
    expect(harness.types("rlhf-s0").at(-1)).toBe("trial_failed");
    const other = harness.events.filter((event) => event.trial === "ra-rlhf-s0");
    const end = other.at(-1)!;
    expect(end.type).toBe("trial_interrupted");
    expect(end).toMatchObject({ saved: (end as { step: number }).step });
    expect(harness.allClosed).toBe(true);
  });

  test("NaN returns end the trial before any update, and name the episodes", async () => {
    let updates = 0;
    const harness = new Harness(
      smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, parallel: 1 }),
      ({ command, nth, pass }) => {
        if (command === "update") {
          updates += 1;
        }
        if (command !== "rollout" || nth !== 1) {
          return null;
        }
        return pass().then((result) => {
          const rolled = result as Result<"rollout">;
          const bytes = new Uint8Array(rolled.return.length);
          const view = new DataView(bytes.buffer);
          float32Array(rolled.return).forEach((value, episode) => {
            view.setFloat32(4 * episode, episode === 3 ? Number.NaN : value, true);
          });
          return { ...rolled, return: bytes };
        });
      },
    );
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "diverged" });
    expect((outcome as { message: string }).message).toMatch(/1 of 16 episodes.*episode 3 \(pr/);
    expect(updates).toBe(1);
  });

  test("a bug is told as one, with its stack", async () => {
    const harness = new Harness(
      smallExperiment({ parallel: 1 }),
      failing("sft-s0", "sft", 0, () => new TypeError("x is undefined")),
    );
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ kind: "internal", message: "x is undefined" });
    expect((outcome as { detail: string }).detail).toMatch(/TypeError/);
  });

  test("a worker that cannot be opened", async () => {
    const open = (): Promise<never> =>
      Promise.reject(new WorkerLost("no python", "never-connected", []));
    const harness = new Harness(smallExperiment(), undefined, undefined, open);
    expect(await harness.run()).toMatchObject({ kind: "lost", message: "no python" });
  });

  test("an engine without what the config asks for is the user's", async () => {
    const lacking = (): Promise<ReturnType<typeof simulatedWorker>> => {
      const worker = simulatedWorker();
      const hello = { ...worker.hello, capabilities: { ...worker.hello.capabilities, sft: false } };
      return Promise.resolve({
        hello,
        call: (command, payload, listener) => worker.call(command, payload, listener),
        close: () => worker.close(),
      });
    };
    const harness = new Harness(smallExperiment(), undefined, undefined, lacking);
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "input" });
    expect((outcome as { message: string }).message).toMatch(
      /no supervised fine-tuning.*sft.steps/,
    );
  });

  test("a model with too few positions is the user's", async () => {
    const harness = new Harness(smallExperiment(), ({ command, pass }) =>
      command === "load"
        ? pass().then((result) => ({ ...(result as Result<"load">), context: 15 }))
        : null,
    );
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "input" });
    expect((outcome as { message: string }).message).toMatch(/16 positions, but the model has 15/);
  });

  test("SFT texts that may be longer than the model's context are told before SFT", async () => {
    const harness = new Harness(smallExperiment({ sft: { steps: 2, max_tokens: 1025 } }));
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "input" });
    const { message } = outcome as { message: string };
    expect(message).toMatch(/up to 1025 tokens .* the model has 1024: set sft.max_tokens to 1024/);
  });

  test("a worker without checkpoints trains without them", async () => {
    const plain = (): Promise<ReturnType<typeof simulatedWorker>> => {
      const worker = simulatedWorker();
      const capabilities = { ...worker.hello.capabilities, checkpoint: false };
      return Promise.resolve({
        hello: { ...worker.hello, capabilities },
        call: (command, payload, listener) => worker.call(command, payload, listener),
        close: () => worker.close(),
      });
    };
    const harness = new Harness(smallExperiment(), undefined, undefined, plain);
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.types("rlhf-s0")).not.toContain("checkpoint_saved");
  });

  test("a worker lost as it starts gets another one where the cause may pass, and never else", async () => {
    /** Opens that fail one after the other, by whether their cause may pass; then workers start. */
    const opened = (...passing: boolean[]) => {
      let nth = 0;
      return async () => {
        const passes = passing[nth++];
        if (passes === undefined) return simulatedWorker();
        throw new WorkerLost("it went before its hello", "exited", [], {}, null, passes);
      };
    };
    const settings = smallExperiment({ parallel: 1 });
    const once = new Harness(settings, undefined, undefined, opened(true));
    expect((await once.run()).outcome).toBe("done");
    expect(once.types("sft-s0").filter((type) => type === "worker_lost")).toHaveLength(1);
    const always = new Harness(settings, undefined, undefined, opened(true, true, true, true));
    expect(await always.run()).toMatchObject({ outcome: "failed", kind: "lost" });
    expect(always.waits).toEqual([1, 2, 4]);
    const exits = new Harness(settings, undefined, undefined, opened(false));
    expect(await exits.run()).toMatchObject({ outcome: "failed", kind: "lost" });
    expect(exits.waits).toEqual([]);
    const both = new Harness(settings, undefined, undefined, opened(true, false));
    expect(await both.run()).toMatchObject({ outcome: "failed", kind: "lost" });
    expect(both.waits).toEqual([1]);
  });

  test("what went wrong first is told where even that cannot be noted", async () => {
    const harness = new Harness(
      smallExperiment(),
      failing("rlhf-s0", "update", 2, () => {
        harness.recorder.append = () => {
          throw new Error("disk full");
        };
        return new WorkerFailure("update", "environment", "no room for x", null, null);
      }),
    );
    await expect(harness.run()).rejects.toThrow(
      "no room for x; writing this to the journal also failed: disk full",
    );
    expect(harness.allClosed).toBe(true);
  });

  test("a recorder that cannot write ends the run with its error and no worker left", async () => {
    const harness = new Harness(smallExperiment(), undefined, (event) => {
      if (event.type === "step" && event.step === 2) {
        harness.recorder.append = () => {
          throw new Error("disk full");
        };
      }
    });
    await expect(harness.run()).rejects.toThrow("disk full");
    expect(harness.allClosed).toBe(true);
  });

  test("a figure that cannot stand in evaluation.json is a failure of the run", async () => {
    const harness = new Harness(smallExperiment({ arms: { sft: {} } }));
    harness.recorder.writeEvaluation = () => {
      throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    };
    expect(await harness.run()).toMatchObject({
      outcome: "failed",
      kind: "environment",
      trial: null,
    });
    expect(harness.events.at(-1)).toMatchObject({ type: "run_finished", outcome: "failed" });
  });
});

describe("stopping", () => {
  test("once: the step in hand is finished and checkpointed", async () => {
    const harness = new Harness(smallExperiment(), undefined, (event, { stop }) => {
      if (event.type === "step" && event.trial === "rlhf-s0" && event.step === 2) {
        stop.abort();
      }
    });
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    expect(harness.types("rlhf-s0").slice(-2)).toEqual(["checkpoint_saved", "trial_interrupted"]);
    expect(harness.events).toContainEqual(
      expect.objectContaining({ type: "stop_requested", how: "after-step" }),
    );
    const ends = harness.events.filter(({ type }) => type === "trial_interrupted");
    for (const end of ends as { step: number; saved: number }[]) {
      expect(end.saved).toBe(end.step);
    }
    expect(harness.events.at(-1)).toMatchObject({ outcome: "interrupted" });
    expect(harness.allClosed).toBe(true);
    // Asked for while step 2 was being shown: it comes behind that, and step 3 has begun.
    const plan = planRun(harness.experiment, { cores: 2, gpus: 0 });
    const state = harness.events.reduce(
      (before, event) => advance(plan, before, event)[0],
      initialState(plan),
    );
    expect(state.trials["rlhf-s0"]).toMatchObject({ phase: "interrupted", step: 4 });
  });

  test("once, in SFT: it is aborted, since nothing of it could be kept", async () => {
    const harness = new Harness(smallExperiment(), ({ command, pass }) => {
      if (command !== "sft") {
        return null;
      }
      const working = pass();
      harness.stop.abort();
      return working;
    });
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    expect(harness.types("sft-s0").slice(-2)).toEqual(["action_interrupted", "trial_interrupted"]);
  });

  test("at once: even a worker that answers nothing any more", async () => {
    const stuck = new Promise<never>(() => {});
    const harness = new Harness(smallExperiment(), ({ trial, command, nth, pass }) => {
      if (trial !== "rlhf-s0" || command !== "update" || nth < 2) {
        return null;
      }
      setTimeout(() => harness.abort.abort(), 5);
      const closed = new Promise<never>((_, reject) => {
        const worker = harness.opened.find((one) => one.trial === trial)!;
        const timer = setInterval(() => {
          if (worker.closed) {
            clearInterval(timer);
            reject(new WorkerLost("closed", "exited", []));
          }
        }, 1);
      });
      void pass;
      return Promise.race([stuck, closed]);
    });
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    expect(harness.types("rlhf-s0").slice(-2)).toEqual(["action_interrupted", "trial_interrupted"]);
    expect(harness.steps("rlhf-s0").length).toBe(2);
    expect(harness.allClosed).toBe(true);
  });

  test("first once, then at once", async () => {
    const harness = new Harness(smallExperiment(), undefined, (event, { stop, abort }) => {
      if (event.type === "step" && event.trial === "rlhf-s0") {
        stop.abort();
        queueMicrotask(() => abort.abort());
      }
    });
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    const how = harness.events.flatMap((event) =>
      event.type === "stop_requested" ? [event.how] : [],
    );
    expect(how).toEqual(["after-step", "now"]);
    expect(harness.allClosed).toBe(true);
  });

  test("before anything has begun", async () => {
    const harness = new Harness(smallExperiment());
    harness.stop.abort();
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    expect(harness.steps("rlhf-s0")).toEqual([]);
    expect(harness.allClosed).toBe(true);
  });

  test("while a worker opens: a late one is closed all the same", async () => {
    const harness = new Harness(smallExperiment(), undefined, undefined, async (_, abandon) => {
      setTimeout(() => harness.abort.abort(), 2);
      await new Promise((resolve) => abandon.addEventListener("abort", resolve));
      await new Promise((resolve) => setTimeout(resolve, 10));
      return simulatedWorker();
    });
    expect(await harness.run()).toEqual({ outcome: "interrupted" });
    expect(harness.opened.length).toBeGreaterThan(0);
    expect(harness.allClosed).toBe(true);
  });
});

test("weights that a worker gets are those of the journal", async () => {
  const sent: number[][] = [];
  const harness = new Harness(smallExperiment(), ({ trial, command, payload }) => {
    if (trial === "ra-rlhf-s0" && command === "update") {
      sent.push([...float32Array((payload as { weights: Uint8Array }).weights)]);
    }
    return null;
  });
  await harness.run();
  const journalled = harness
    .steps("ra-rlhf-s0")
    .map(({ episodes }) => ("weight" in episodes ? episodes.weight : []));
  expect(sent).toEqual(journalled);
  expect(float32Bytes(sent[5]!).length).toBe(64);
});

describe("restarts and resumes", () => {
  const trials = ["sft-s0", "rlhf-s0", "ra-rlhf-s0"];
  /** The last event of each kind and step: what counts where work was done again. */
  const effective = (events: readonly JournalEvent[]): unknown => {
    const kinds = ["sft_finished", "step", "evaluated", "model_exported"];
    return trials.map((trial) => {
      const own = figuresOf(events, trial).filter((event) =>
        kinds.includes((event as { type: string }).type),
      ) as { type: string; step?: number; final?: boolean }[];
      // Whether SFT was done again, or taken over from before, is no figure.
      const last = new Map(
        own.map((event) => [
          `${event.type} ${event.step} ${event.final}`,
          { ...event, artifact: null },
        ]),
      );
      return [...last].sort(([a], [b]) => (a < b ? -1 : 1));
    });
  };
  const whole = async (): Promise<Harness> => {
    const harness = new Harness(smallExperiment());
    expect((await harness.run()).outcome).toBe("done");
    return harness;
  };

  for (const [command, nth] of [
    ["load", 0],
    ["sft", 0],
    ["rollout", 1],
    ["update", 0],
    ["update", 4],
    ["evaluate", 0],
    ["evaluate", 2],
    ["save", 0],
    ["save", 1],
    ["export", 0],
  ] as const) {
    test(`a worker lost in ${command} ${nth} is replaced, and the figures are the same`, async () => {
      const lost = new Set<string>();
      const harness = new Harness(smallExperiment(), (call) => {
        if (call.command !== command || call.nth !== nth || lost.has(call.trial)) {
          return null;
        }
        lost.add(call.trial);
        return Promise.reject(new WorkerLost("it died", "exited", ["last words"]));
      });
      expect((await harness.run()).outcome).toBe("done");
      expect(lost.size).toBeGreaterThan(0);
      const told = harness.events.filter(({ type }) => type === "worker_lost");
      expect(told.length).toBe(lost.size);
      expect(told[0]).toMatchObject({
        action: expect.any(String),
        detail: "last words",
        restarts: 1,
      });
      expect(harness.waits).toEqual(Array.from({ length: lost.size }, () => 1));
      const undisturbed = await whole();
      expect(effective(harness.events)).toEqual(effective(undisturbed.events));
      expect(harness.recorder.evaluation!.frontier).toEqual(
        undisturbed.recorder.evaluation!.frontier,
      );
      expect(harness.allClosed).toBe(true);
    });
  }

  test("after so many losses the run stops, resumable, with the worker's last words", async () => {
    const harness = new Harness(smallExperiment({ parallel: 1 }), ({ trial, command, nth }) =>
      trial === "rlhf-s0" && command === "update" && nth === 1
        ? Promise.reject(new WorkerLost("it died", "stuck", ["at the end"], undefined, "stacks"))
        : null,
    );
    const outcome = await harness.run();
    expect(outcome).toMatchObject({ outcome: "failed", kind: "lost", detail: "at the end" });
    expect((outcome as { message: string }).message).toMatch(/restarted 3 times/);
    expect(harness.waits).toEqual([1, 2, 4]);
    expect(harness.recorder.stacks.length).toBe(4);
  });

  test("a worker that breaks the protocol is replaced", async () => {
    let broken = 0;
    const harness = new Harness(smallExperiment({ parallel: 1 }), ({ command, nth }) => {
      if (command !== "rollout" || nth !== 2 || broken > 0) {
        return null;
      }
      broken += 1;
      const text = "result of `rollout`: unknown field `x`";
      return Promise.reject(new WorkerFailure("rollout", "protocol", text, null, null));
    });
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.events).toContainEqual(
      expect.objectContaining({ type: "worker_lost", reason: "protocol" }),
    );
  });

  test("a controller that dies after any event is taken up where it was left", async () => {
    const undisturbed = await whole();
    for (let alive = 1; alive < undisturbed.events.length; alive += 3) {
      const killed = new Harness(smallExperiment(), undefined, ({ seq }, { abort }) => {
        if (seq === alive) {
          abort.abort();
        }
      });
      killed.keep = true;
      await killed.run();
      // Killed, it would have written nothing of its end.
      const recorder = killed.recorder;
      recorder.events.splice(alive);
      const resumed = new Harness(smallExperiment(), undefined, undefined, null, recorder);
      expect((await resumed.run([...recorder.events])).outcome).toBe("done");
      expect(effective(resumed.events)).toEqual(effective(undisturbed.events));
      expect(recorder.evaluation!.frontier).toEqual(undisturbed.recorder.evaluation!.frontier);
      expect(resumed.allClosed).toBe(true);
    }
  });

  test("a damaged checkpoint is told of, and an older one is gone back to", async () => {
    const stopped = new Harness(
      smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, checkpoint: { every: 2 } }),
      undefined,
      (event, { abort }) => {
        if (event.type === "step" && event.step === 4) {
          abort.abort();
        }
      },
    );
    stopped.keep = true;
    await stopped.run();
    stopped.recorder.completed.delete("trials/rlhf-s0/checkpoint-4");
    const { experiment, recorder } = stopped;
    const resumed = new Harness(experiment, undefined, undefined, null, recorder);
    expect((await resumed.run([...recorder.events])).outcome).toBe("done");
    expect(resumed.events).toContainEqual(
      expect.objectContaining({ type: "run_resumed", from: { "rlhf-s0": 2 } }),
    );
    expect(resumed.events).toContainEqual(
      expect.objectContaining({ type: "checkpoint_damaged", step: 4, from: 2 }),
    );
    expect(resumed.events).toContainEqual(expect.objectContaining({ type: "restored", step: 2 }));
    const plain = new Harness(experiment);
    await plain.run();
    expect(resumed.steps("rlhf-s0").at(-1)!.episodes).toEqual(
      plain.steps("rlhf-s0").at(-1)!.episodes,
    );
  });

  test("a checkpoint that cannot be written costs the run nothing but itself", async () => {
    const harness = new Harness(
      smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, checkpoint: { every: 2 } }),
      ({ command, nth }) =>
        command === "save" && nth === 1
          ? Promise.reject(new WorkerFailure("save", "environment", "disk full", null, null))
          : null,
    );
    expect((await harness.run()).outcome).toBe("done");
    expect(harness.types("rlhf-s0").filter((type) => type.startsWith("checkpoint"))).toEqual([
      ...["checkpoint_saved", "checkpoint_failed", "checkpoint_saved"],
    ]);
  });

  test("measures the figure that the best checkpoint is kept by, also before the end", async () => {
    const measured = async (keep_best: "perplexity" | "dist_2") => {
      const harness = new Harness(
        smallExperiment({
          arms: { rlhf: {} },
          sft: { steps: 0 },
          evaluation: { every: 2 },
          checkpoint: { every: 2, keep_last: 1, keep_best },
        }),
      );
      expect((await harness.run()).outcome).toBe("done");
      return harness.events.flatMap((event) =>
        event.type === "evaluated" && !event.final ? ["perplexity" in event.metrics] : [],
      );
    };
    expect(await measured("perplexity")).toEqual([true, true, true, true]);
    expect(await measured("dist_2")).toEqual([false, false, false, false]);
  });

  test("keeps the newest checkpoints, and the best by the configured figure", async () => {
    const harness = new Harness(
      smallExperiment({
        arms: { rlhf: {} },
        sft: { steps: 0 },
        evaluation: { every: 1 },
        checkpoint: { every: 1, keep_last: 2, keep_best: "reward_mean" },
      }),
    );
    await harness.run();
    const scores = new Map<number, number>();
    for (const event of harness.events) {
      if (event.type === "evaluated") {
        scores.set(event.step, event.metrics.reward_mean!);
      }
    }
    const best = [1, 2, 3, 4, 5, 6].reduce((a, b) => (scores.get(b)! >= scores.get(a)! ? b : a));
    const kept = [...new Set([best, 5, 6])]
      .sort()
      .map((step) => `trials/rlhf-s0/checkpoint-${step}`);
    const left = [...harness.recorder.completed.keys()].filter((path) =>
      path.includes("checkpoint"),
    );
    expect(left.sort()).toEqual(kept);
    expect(harness.recorder.positions.get(kept.at(-1)!)).toMatchObject({
      trial: "rlhf-s0",
      step: 6,
    });
  });
});
