/** A reward that another process computes, and that is away for a while. */
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { writeExperiment } from "./experiment.mjs";
import { differences, journalOf, outcomeOf } from "./record.mjs";
import { Subject } from "./strike.mjs";

/** @typedef {import("./checks.mjs").Circumstances} Circumstances */
/** @typedef {import("./checks.mjs").Verdict} Verdict */

/** Of the server: answers, answers 503, takes the question and says nothing, or refuses connections. */
/** @typedef {"up" | "busy" | "silent" | "down"} State */

/** Batches that are answered before: the 1,200 test prompts' scores, and some rollout's. */
const afterAnswers = 21;

/**
 * Away for less time than is tried again in, the run does not notice; for longer, it ends with 3, and
 * a resumed run has the same figures as one that was never disturbed.
 *
 * @param {Exclude<State, "up">} how
 * @param {boolean} comesBack while the worker still asks
 * @returns {(circumstances: Circumstances) => Promise<Verdict>}
 */
export function rewardAway(how, comesBack) {
  return async ({ folder, program }) => {
    const service = new Service();
    await service.listen();
    const retries = comesBack ? 4 : 1;
    const reward = { kind: "http", url: service.url, retries, timeout_seconds: 1, text: "whole" };
    const changes = {
      reward,
      evaluation: { prompts: 8, every: 0, judges: null, samples: 2, harm_threshold: null },
    };
    try {
      const calm = new Subject(folder, program);
      const experiment = writeExperiment(folder, "torch", { changes });
      const undisturbed = await calm.averse(["run", experiment, "--run-dir", calm.run]);
      if (undisturbed.code !== 0) {
        return {
          problems: [`the undisturbed run ended with ${undisturbed.code}:\n${undisturbed.output}`],
        };
      }
      const expected = outcomeOf(calm.run);

      const subject = new Subject(folder, program);
      subject.run = `${subject.run}-away`;
      service.leave(how, afterAnswers, comesBack ? 2 : null);
      const first = await subject.averse(["run", experiment, "--run-dir", subject.run]);
      const problems = service.wasAway ? [] : ["the service was never away"];
      if (comesBack) {
        if (first.code !== 0) problems.push(`the run ended with ${first.code}:\n${first.output}`);
      } else {
        if (first.code !== 3)
          problems.push(`the run ended with ${first.code}, not 3:\n${first.output}`);
        if (!first.output.includes(service.url)) {
          problems.push(`nothing was said of the server:\n${first.output}`);
        }
        await service.comeBack();
        const second = await subject.averse(["resume", subject.run]);
        if (second.code !== 0) problems.push(`resume ended with ${second.code}:\n${second.output}`);
        else if (!journalOf(subject.run).some(({ type }) => type === "run_resumed")) {
          problems.push("the journal has no run_resumed");
        }
      }
      if (problems.length > 0) return { problems: [...problems, ...(await subject.remains())] };
      return {
        problems: [...(await subject.remains()), ...differences(expected, outcomeOf(subject.run))],
      };
    } finally {
      await service.close();
    }
  };
}

/** Scores texts by their length and vowels; at one port for as long as it is. */
class Service {
  /** @type {State} */
  #state = "up";
  #answers = Number.POSITIVE_INFINITY;
  /** @type {{ how: Exclude<State, "up">, seconds: number | null } | null} */
  #leave = null;
  #port = 0;
  /** @type {import("node:http").Server | null} */
  #server = null;
  wasAway = false;

  get url() {
    return `http://127.0.0.1:${this.#port}/score`;
  }

  async listen() {
    const server = createServer((request, response) => void this.#answer(request, response));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
    this.#port = /** @type {import("node:net").AddressInfo} */ (server.address()).port;
  }

  /**
   * @param {Exclude<State, "up">} how
   * @param {number} answers that are given before
   * @param {number | null} seconds null: until it is told to come back
   */
  leave(how, answers, seconds) {
    this.#answers = answers;
    this.#leave = { how, seconds };
  }

  async comeBack() {
    this.#state = "up";
    if (this.#server === null) await this.listen();
  }

  async close() {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  /** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async #answer(request, response) {
    let body = "";
    for await (const part of request) body += part;
    if (this.#state === "up" && this.#answers-- <= 0 && this.#leave !== null) {
      const { how, seconds } = this.#leave;
      this.#leave = null;
      this.#state = how;
      this.wasAway = true;
      if (seconds !== null) void pause(1000 * seconds).then(() => this.comeBack());
    }
    if (this.#state === "silent") return;
    if (this.#state === "down") {
      request.socket.destroy();
      await this.close();
      return;
    }
    if (this.#state === "busy") {
      response.writeHead(503).end();
      return;
    }
    const { prompts, completions } = JSON.parse(body);
    const rewards = prompts.map((/** @type {string} */ prompt, /** @type {number} */ at) => {
      const text = prompt + completions[at];
      return (text.match(/[aeiou]/g)?.length ?? 0) / 10 - text.length / 40;
    });
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ rewards }));
  }
}
