/** The pages over HTTP, as a browser asks for them, and as one should not. */
import { type ClientRequest, type IncomingHttpHeaders, request } from "node:http";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { readScripts, webRuns } from "../../src/cli/commands/serve.js";
import type { RunRecorder } from "../../src/store/recorder.js";
import { search, webApp } from "../../src/web/app.js";
import { startServer, type WebServer } from "../../src/web/server.js";
import { buildProgramFirst, start } from "../cli/averse.js";
import { evaluatedPayload, stepPayload } from "../engine/event-payloads.js";
import { eventually } from "../eventually.js";
import { newRun } from "../store/folders.js";

buildProgramFirst();

/** Browsers are served compiled modules. */
const compiled = fileURLToPath(new URL("../../dist", import.meta.url));
const token = "0123456789abcdefghijklmnopqrstuv";
const open: { end: AbortController; server: WebServer }[] = [];
afterEach(async () => {
  for (const { end, server } of open.splice(0)) {
    end.abort();
    await server.close();
  }
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly host?: string;
  readonly cookie?: string | null;
  readonly method?: string;
}

async function served(run: RunRecorder, showText = false) {
  const end = new AbortController();
  const runs = webRuns(dirname(run.directory));
  const app = webApp(runs, { token, showText, scripts: readScripts(compiled), end: end.signal });
  const server = await startServer(app, 0);
  open.push({ end, server });
  const { port } = server;
  const ask = (path: string, { host, cookie, method = "GET" }: Asked = {}): ClientRequest =>
    request({
      ...{ port, path, method, host: "127.0.0.1", agent: false },
      headers: {
        host: host ?? `127.0.0.1:${port}`,
        ...(cookie === null ? {} : { cookie: cookie ?? `averse-${port}=${token}` }),
      },
    }).end();
  const get = (path: string, asked?: Asked): Promise<Answer> =>
    new Promise((resolve, reject) => {
      ask(path, asked)
        .on("error", reject)
        .on("response", async (response) => {
          let text = "";
          for await (const chunk of response.setEncoding("utf8")) text += chunk;
          resolve({ status: response.statusCode!, headers: response.headers, text });
        });
    });
  return { port, ask, get, end, id: basename(run.directory) };
}

/** A run with one iteration, one final evaluation, and texts of both. */
function writtenRun(): RunRecorder {
  const run = newRun();
  run.append(null, { type: "run_started", name: "small", trials: ["rlhf-s0"], parallel: 1 });
  run.append("rlhf-s0", trialStarted);
  run.append("rlhf-s0", stepPayload({ step: 0, reward_mean: 1.25 }));
  run.writeTexts("rlhf-s0", 0, [
    { episode: 0, prompt: "gloomy <b>start</b>", completion: "awful end" },
  ]);
  const samples = run.writeSamples("rlhf-s0", 1, [
    { prompt: 0, text: "dreadful opening", completion: "nasty ending", reward: -1 },
  ]);
  run.append("rlhf-s0", { ...evaluatedPayload({ step: 1, final: true }), samples });
  return run;
}

const trialStarted = {
  type: "trial_started",
  arm: "rlhf",
  seed: 0,
  stage: "rl",
  iterations: 6,
} as const;

describe("who may read", () => {
  test("the link's token becomes a cookie; without either nothing is told", async () => {
    const { get, port, id } = await served(writtenRun());
    for (const path of [
      "/",
      "/list",
      `/runs/${id}`,
      `/runs/${id}/report`,
      "/scripts/web/client/live.js",
    ]) {
      expect((await get(path, { cookie: null })).status).toBe(401);
      expect((await get(path, { cookie: `averse-${port}=${token}x` })).status).toBe(401);
      expect((await get(`${path}?token=wrong`, { cookie: null })).status).toBe(401);
    }
    const first = await get(`/?token=${token}&q=small`, { cookie: null });
    expect(first).toMatchObject({ status: 303, headers: { location: "/?q=small" } });
    const cookie = first.headers["set-cookie"]![0]!;
    expect(cookie).toMatch(/; HttpOnly; SameSite=Lax$/);
    const page = await get("/", { cookie: cookie.split(";")[0]! });
    expect(page.status).toBe(200);
    expect(page.text).toContain(id);
    expect((await get("/", { method: "POST" })).status).toBe(404);
  });

  test("only by this machine's own names, whatever the token", async () => {
    const { get, port } = await served(writtenRun());
    for (const host of [`averse.example:${port}`, "127.0.0.1.example", "192.168.0.7"]) {
      expect((await get("/", { host })).status).toBe(403);
      expect((await get(`/?token=${token}`, { host })).status).toBe(403);
    }
    for (const host of [`localhost:${port}`, `[::1]:${port}`]) {
      expect((await get("/", { host })).status).toBe(200);
    }
  });

  test("the way out of the folder is none", async () => {
    const { get, id } = await served(writtenRun());
    for (const path of [
      "/runs/..%2f..%2fetc",
      `/runs/${id}%2f..%2f${id}`,
      `/runs/${id}/../../etc/passwd`,
      `/runs/${id}/journal.jsonl`,
      "/runs/%00",
      "/runs/%ff/report",
      "/scripts/..%2fapp.js",
      "/scripts/app.js",
      "//averse.example",
    ]) {
      expect((await get(path)).status).toBe(404);
    }
    for (const path of ["/runs/..", "/runs/%2e%2e"]) {
      expect((await get(path)).text).toBe((await get("/")).text);
    }
    const { headers } = await get(`//averse.example/?token=${token}`);
    expect(headers.location).toBe("/averse.example/");
  });

  test("pages load nothing from elsewhere, cannot be framed, and are not kept", async () => {
    const { get, id } = await served(writtenRun());
    for (const path of ["/", `/runs/${id}`, `/runs/${id}/report`]) {
      const { headers, text } = await get(path);
      const policy = headers["content-security-policy"];
      expect(policy).toContain("default-src 'none'; script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({ "cache-control": "no-store", "x-frame-options": "DENY" });
      expect(text.match(/(?:src|href)="(?!\/|#)[^"]*"/g)).toBeNull();
    }
    expect((await get("/scripts/echarts.js")).text.length).toBeGreaterThan(500_000);
  });

  test("a module that a page loads finds every module it imports", async () => {
    const { get } = await served(writtenRun());
    const seen = new Set<string>();
    const follow = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const { status, headers, text } = await get(path);
      expect([path, status, headers["content-type"]]).toEqual([
        path,
        200,
        "text/javascript; charset=utf-8",
      ]);
      for (const [, name] of text.matchAll(/^import .*? from "([^"]+)";$/gm)) {
        await follow(new URL(name!, `http://127.0.0.1${path}`).pathname);
      }
    };
    await follow("/scripts/web/client/live.js");
    await follow("/scripts/web/client/list.js");
    expect(seen).toContain("/scripts/text/numbers.js");
  });
});

describe("texts", () => {
  test.each([
    [false, "a···· e··", "n···· e·····"],
    [true, "awful end", "nasty ending"],
  ])("with --show-text %s", async (showText, live, sampled) => {
    const { get, ask, id } = await served(writtenRun(), showText);
    const report = await get(`/runs/${id}/report`);
    expect(report.text).toContain(sampled);
    expect(report.text.includes("nasty ending")).toBe(showText);
    const events = await listened(ask(`/runs/${id}/events`));
    await eventually(() => expect(events.text).toContain("event: texts"));
    expect(events.text).toContain(live);
    expect(events.text.includes("awful")).toBe(showText);
    events.request.destroy();
  });
});

/** An event stream as it comes. */
async function listened(asked: ClientRequest) {
  const events = { text: "", ended: false, request: asked };
  await new Promise<void>((resolve) => {
    asked.on("error", () => {});
    asked.on("response", (response) => {
      response.setEncoding("utf8").on("data", (chunk: string) => {
        events.text += chunk;
      });
      response.on("error", () => {});
      response.on("close", () => {
        events.ended = true;
      });
      resolve();
    });
  });
  return events;
}

describe("a run's events", () => {
  test("follow the journal as it grows, and end with the page and with the server", async () => {
    const run = writtenRun();
    const { ask, id, end } = await served(run);
    const events = await listened(ask(`/runs/${id}/events`));
    await eventually(() => expect(events.text).toContain('"title":"Mean reward"'));
    expect(events.text).toContain('"points":[[1,1.25]]');
    expect(events.text).not.toContain("[2,2.5]");
    run.append("rlhf-s0", stepPayload({ step: 1, reward_mean: 2.5 }));
    await eventually(() => expect(events.text).toContain('"points":[[1,1.25],[2,2.5]]'));
    expect(events.text.match(/event: panel\ndata: {"title":"Entropy"/g)).toHaveLength(2);
    const second = await listened(ask(`/runs/${id}/events`));
    events.request.destroy();
    await eventually(() => expect(events.ended).toBe(true));
    await eventually(() => expect(second.text).toContain("[2,2.5]"));
    end.abort();
    await eventually(() => expect(second.ended).toBe(true));
  });

  test("a run that cannot be read says why on its page", async () => {
    const run = writtenRun();
    const { get, id } = await served(run);
    const { writeFileSync, readFileSync } = await import("node:fs");
    const manifest = `${run.directory}/manifest.json`;
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"small"', '"smell"'));
    expect(await get(`/runs/${id}/report`)).toMatchObject({
      status: 500,
      text: expect.stringContaining("does not match its own sha256"),
    });
    expect((await get("/")).text).toContain("damaged");
  });
});

test("every word of a search has to be somewhere", () => {
  const run = { name: "quick", purpose: "does it help?", state: "done" } as const;
  const runs = [
    { ...run, id: "quick-1" },
    { ...run, id: "quick-2", state: "failed" },
  ];
  const found = (query: string) => search(runs as never, query).map(({ id }) => id);
  expect(found("")).toEqual(["quick-1", "quick-2"]);
  expect(found("HELP failed")).toEqual(["quick-2"]);
  expect(found("quick nothing")).toEqual([]);
});

test("averse serve prints its link as JSON, answers, and ends with Ctrl-C", async () => {
  const run = writtenRun();
  const program = start(["serve", "--json", "--runs", dirname(run.directory)]);
  let line = "";
  program.child.stdout!.on("data", (chunk: string) => {
    line += chunk;
  });
  await program.saying("}");
  const { url, port } = JSON.parse(line);
  expect(new URL(url)).toMatchObject({ hostname: "127.0.0.1", port: String(port) });
  const { status, headers } = await fetch(url, { redirect: "manual" });
  expect([status, headers.get("location")]).toEqual([303, "/"]);
  const [cookie] = headers.getSetCookie();
  const follows = await fetch(`http://127.0.0.1:${port}/runs/${basename(run.directory)}/events`, {
    headers: { cookie: cookie! },
  });
  expect(follows.status).toBe(200);
  program.child.kill("SIGINT");
  expect(await program.finished).toMatchObject({ code: 0, stderr: "" });
  await expect(fetch(url)).rejects.toThrow();
});
