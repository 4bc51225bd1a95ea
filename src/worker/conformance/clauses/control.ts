/** What goes on beside a command, wrong messages, and the end. The last clause ends the worker. */
import type { Payload } from "../../../protocol/messages.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import { WorkerLost } from "../../contract.js";
import { Breach, holds, same } from "../breach.js";
import type { Clause } from "../clause.js";
import { builtinSft } from "../payloads.js";

export const controlClauses: readonly Clause[] = [
  {
    id: "payload",
    title: "a payload that is wrong never reaches the engine",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      const rollout = plainRollout(train.slice(0, 4));
      const surprising = { ...rollout, surprise: 1 };
      await bench.refused("rollout", surprising, { kind: "protocol", mentions: "`surprise`" });
      const nan = { ...rollout, kl_coefficient: Number.NaN };
      const failure = await bench.failureOf("`rollout`", bench.worker.call("rollout", nan));
      holds(failure.message.includes("`kl_coefficient`"), `the refusal says: ${failure.message}`);
    },
  },
  {
    id: "interrupt",
    title: "progress comes while a command works; ping and interrupt are answered beside it",
    needs: ["sft"],
    check: async (bench) => {
      await bench.prompts();
      const { worker } = bench;
      let beside: Promise<unknown> = Promise.reject(
        new Breach("`sft` reported no progress of phase sft"),
      );
      let isBeside = false;
      beside.catch(() => {});
      const path = bench.fresh();
      const work = worker.call("sft", endless, ({ phase }) => {
        if (phase !== "sft" || isBeside) return;
        isBeside = true;
        beside = Promise.all([
          bench.ask("ping", {}).then(({ busy }) => same("command that ping tells", busy, "sft")),
          bench.refused("save", { path }, { kind: "protocol", mentions: "sft" }),
          bench.ask("interrupt", {}),
        ]);
        beside.catch(() => {});
      });
      const failure = await bench.failureOf("`sft` that was interrupted", work);
      same("kind of the failure", failure.kind, "interrupted");
      await beside;
      same("command in hand afterwards", (await bench.ask("ping", {})).busy, null);
      const { train } = await bench.loaded();
      await bench.ask("rollout", plainRollout(train.slice(0, 4)));
    },
  },
  {
    id: "interrupt-idle",
    title: "interrupt without a command in hand does nothing",
    needs: [],
    check: async (bench) => {
      const { train } = await bench.prompts();
      await bench.ask("interrupt", {});
      await bench.ask("rollout", plainRollout(train.slice(0, 4)));
    },
  },
  {
    id: "close",
    title: "it ends when it is closed, also twice; calls after that are lost",
    needs: [],
    check: async ({ worker }) => {
      await Promise.all([worker.close(), worker.close()]);
      await worker.close();
      const outcome = await worker.call("ping", {}).then(
        () => "was answered",
        (error: unknown) => error,
      );
      holds(outcome instanceof WorkerLost, `a ping after the end: ${String(outcome)}`);
    },
  },
];

/** More steps than anybody waits for. */
const endless: Payload<"sft"> = builtinSft({ steps: 10_000_000 });
