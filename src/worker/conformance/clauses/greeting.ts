/** What a worker says before anything is loaded. In this order: they need one that has not loaded. */
import { PROTOCOL_VERSION } from "../../../protocol/messages.js";
import { plainRollout } from "../../../protocol/plain-payloads.js";
import { holds, same } from "../breach.js";
import type { Clause } from "../clause.js";

export const greetingClauses: readonly Clause[] = [
  {
    id: "load-first",
    title: "nothing works before load",
    needs: [],
    check: (bench) =>
      bench.refused("rollout", plainRollout([0]), { kind: "protocol", mentions: "load" }),
  },
  {
    id: "devices",
    title: "devices are told, also before load",
    needs: [],
    check: async (bench) => {
      const { auto, devices, cores } = await bench.ask("devices", {});
      const names = devices.map(({ name }) => name);
      holds(names.includes(auto), `auto is ${auto}, which is none of the devices ${names}`);
      holds(cores > 0, `it may use ${cores} cores`);
    },
  },
  {
    id: "hello",
    title: "hello names protocol, engine, process and machine",
    needs: [],
    check: async ({ worker: { hello } }) => {
      same("kind of the first message", hello.kind, "hello");
      same("protocol of hello", hello.protocol, PROTOCOL_VERSION);
      holds(hello.pid > 0, `its process is ${hello.pid}`);
      holds(hello.host !== "", "its machine has no name");
      holds(hello.engine !== "", "its engine has no name");
    },
  },
  {
    id: "figures",
    title: "hello declares figures with units, and options as a JSON Schema",
    needs: [],
    check: async ({ worker: { hello } }) => {
      const { update, evaluate } = hello.figures;
      for (const [where, all, names] of [
        ["update", update, ["loss_policy", "grad_norm"]],
        ["evaluate", evaluate, ["dist_1", "dist_2", "dist_3", "perplexity"]],
      ] as const) {
        const missing = names.filter((name) => (all[name]?.description ?? "") === "");
        holds(missing.length === 0, `figures of ${where} that are not described: ${missing}`);
      }
      same("type of engine_options", hello.engine_options.type, "object");
      const { additionalProperties } = hello.engine_options;
      same("additionalProperties of engine_options", additionalProperties, false);
    },
  },
];
