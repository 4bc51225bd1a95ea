/**
 * A reward from a server that dies in the middle of a run and comes back, beside a Python function:
 * the real worker, real requests. Nothing is lost: the resumed run is the undisturbed one.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { JournalEvent } from "../../../src/journal/events.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const token = "t0ken-of-the-reward-server";
let server: Server | null = null;
afterEach(() => {
  server?.close();
  server = null;
});

/** Scores a text by its letters "e"; answers 503 from request `dies` on, while `up` says so. */
async function rewardServer(port: number, dies: number): Promise<{ port: number; asked: number }> {
  const state = { port, asked: 0 };
  const answering = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      state.asked += 1;
      const refused = request.headers.authorization !== `Bearer ${token}` ? 401 : 503;
      if (refused === 401 || state.asked > dies) {
        response.writeHead(refused).end("not now");
        return;
      }
      const { prompts, completions } = JSON.parse(body) as Record<string, string[]>;
      const rewards = prompts!.map((prompt, at) => {
        const text = `${prompt}${completions![at]}`;
        return text.split("e").length - 1 - text.length / 40;
      });
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ rewards }));
    });
  });
  await new Promise<void>((resolve) => answering.listen(port, "127.0.0.1", resolve));
  server = answering;
  state.port = (answering.address() as AddressInfo).port;
  return state;
}

function stop(): Promise<void> {
  const answering = server!;
  server = null;
  return new Promise((resolve) => answering.close(() => resolve()));
}

function experiment(name: string, port: number): string {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "mine.py"),
    "def brevity(prompts, completions, **columns):\n" +
      "    return [-len(completion.split()) for completion in completions]\n",
  );
  const file = join(folder, "http.yaml");
  writeFileSync(
    file,
    `name: http
arms: [rlhf]
sft: {steps: 0}
reward:
  - {name: letters, kind: http, url: "http://127.0.0.1:${port}/score", token_env: LETTERS_TOKEN,
     retries: 1, normalize: running}
  - {name: brevity, kind: python, function: mine.py:brevity, text: completion, weight: 0.2}
  - {name: negative, kind: lexicon, words: [bad, awful, dull], sign: -1, text: completion}
rollout: {prompt_tokens: 8, new_tokens: 6}
training: {iterations: 4, batch: 8, minibatch: 4, epochs: 1, learning_rate: 1.0e-4}
checkpoint: {every: 2}
evaluation: {prompts: 8, every: 0, samples: 0, harm_threshold: 0, tail_fraction: 0.25,
             judges: [{kind: length, unit: words, text: completion}]}
trials: {parallel: 1}
`,
  );
  return file;
}

type Step = Extract<JournalEvent, { type: "step" }>;

function journalOf(folder: string): JournalEvent[] {
  const lines = readFileSync(join(folder, "journal.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as JournalEvent);
}

/** The last time that each step was done. */
function stepsOf(folder: string): unknown[] {
  const steps = journalOf(folder).filter((event): event is Step => event.type === "step");
  const last = new Map(steps.map((step) => [step.step, step]));
  return [...last.values()].map(({ step, reward_mean, beta, episodes, components }) => ({
    ...{ step, reward_mean, beta, episodes, components },
  }));
}

test("a server that dies and comes back costs nothing but time", async () => {
  const env = { LETTERS_TOKEN: token };
  // How many requests a whole run makes, and what it comes to.
  const calm = await rewardServer(0, Number.POSITIVE_INFINITY);
  const file = experiment("exp", calm.port);
  const whole = join(scratch, "whole");
  const undisturbed = await averse(["run", file, "--plain", "--run-dir", whole], { env });
  expect(undisturbed.stderr).not.toContain("Traceback");
  expect(undisturbed.code).toBe(0);
  await stop();

  // It dies in the last of the four iterations: a request each, and one for the final evaluation.
  const before = calm.asked - 2;
  await rewardServer(calm.port, before);
  const folder = join(scratch, "disturbed");
  const stopped = await averse(["run", file, "--plain", "--run-dir", folder], { env });
  expect(stopped.code).toBe(3);
  expect(stopped.stderr).toMatch(
    /8 of 8 rewards of iteration 4 failed, 8 of letters, more than reward\.0\.max_failed_fraction 0\.05 allows/,
  );
  expect(stopped.stderr).toContain("503");
  expect(stopped.stderr).toContain("averse resume");
  await stop();

  await rewardServer(calm.port, Number.POSITIVE_INFINITY);
  const resumed = await averse(["resume", folder, "--plain"], { env });
  expect(resumed.code).toBe(0);
  expect(stepsOf(folder)).toEqual(stepsOf(whole));
  const finals = [folder, whole].map((one) =>
    journalOf(one).flatMap((event) =>
      event.type === "evaluated" && event.final ? [event.metrics] : [],
    ),
  );
  expect(finals[0]).toEqual(finals[1]);
  expect(Object.keys(finals[0]![0]!)).toEqual(
    expect.arrayContaining(["reward_mean_letters", "reward_mean_brevity", "judge_reward"]),
  );
  for (const name of ["journal.jsonl", "manifest.json"]) {
    expect(readFileSync(join(folder, name), "utf8")).not.toContain(token);
  }
  expect(stopped.stderr + resumed.stderr).not.toContain(token);
}, 240_000);
