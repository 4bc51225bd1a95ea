/**
 * A run with a long history that goes on at an even pace, for views to be measured on: the
 * simulated worker, a real record, a real socket.
 *
 *   node --import tsx test/bench/history.mjs RUNS [STEPS] [A_SECOND]
 *
 * Prints one line, `{"run": folder}`, when there are so many steps; then goes on with so many a
 * second until it is ended.
 */
import { setTimeout as pause } from "node:timers/promises";
import { serveRun } from "../../src/live/server.js";
import { simulatedWorker } from "../worker/simulated/worker.js";
import { simulatedRun } from "./simulated-run.mjs";

const [runsFolder = "", steps = "10000", rate = "50"] = process.argv.slice(2);
const history = Number(steps);

const run = await simulatedRun({
  name: "history",
  runsFolder,
  iterations: 2 * history,
  batch: 64,
  every: 100,
});
const server = await serveRun(run.folder, () => "this run only goes on");

let next = 0;
/** Each step at its time; a late one is not made up for. */
async function paced() {
  const now = performance.now();
  next = Math.max(now, next + 1000 / Number(rate));
  await pause(next - now);
}

let done = 0;
const pacedWorker = new Proxy(simulatedWorker(), {
  get: (target, name) => {
    const value = Reflect.get(target, name, target);
    if (typeof value !== "function") return value;
    return async (/** @type {unknown[]} */ ...args) => {
      if (args[0] === "rollout" && done >= history) await paced();
      return value.apply(target, args);
    };
  },
});

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
try {
  await run.perform({
    worker: pacedWorker,
    observe: (observation) => {
      server.observe(observation);
      if (observation.kind === "event" && observation.event.type === "step") {
        done = observation.event.step + 1;
        if (done === history) console.log(JSON.stringify({ run: run.folder }));
      }
    },
    stop: stop.signal,
  });
} finally {
  await server.close();
}
