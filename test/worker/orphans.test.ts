/** The controller ends without closing its worker, in every way there is: nothing may stay behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { processesWith } from "./processes.js";

// Starting Python on a busy machine takes its time; nothing here waits for a clock.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
/** Where the controllers put their sockets. */
let sockets: string;
const controllers: ChildProcess[] = [];

beforeAll(async () => {
  // Inside node_modules, so that the built file finds zeromq and execa.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "averse-orphans-"));
  sockets = mkdtempSync(join(tmpdir(), "averse-sockets-"));
  const entry = join(folder, "controller.js");
  writeFileSync(
    entry,
    `import { openSession } from ${JSON.stringify(join(root, "src/worker/session.ts"))};
     import { readWorkerSpec } from ${JSON.stringify(join(root, "src/worker/spec.ts"))};
     const root = ${JSON.stringify(root)};
     const worker = await openSession(readWorkerSpec("fake", root), { root });
     console.log(worker.hello.pid);
     const endings = {
       throws: () => { throw new Error("a bug"); },
       exits: () => process.exit(5),
       rejects: () => { Promise.reject(new Error("a bug")); },
       waits: () => {},
     };
     endings[process.argv[2]]();`,
  );
  await build({
    root,
    configFile: false,
    logLevel: "error",
    build: { ssr: entry, outDir: join(folder, "built"), emptyOutDir: true, minify: false },
  });
});

afterAll(() => {
  for (const controller of controllers) {
    controller.kill("SIGKILL");
  }
  for (const made of [folder, sockets]) {
    rmSync(made, { recursive: true, force: true });
  }
});

interface Started {
  readonly controller: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

/** Starts a controller, which starts a worker and then comes to its end. */
async function start(ending: string): Promise<Started> {
  const controller = spawn(process.execPath, [join(folder, "built", "controller.js"), ending], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, TMPDIR: sockets },
  });
  controllers.push(controller);
  const ended = new Promise((resolve) => controller.once("exit", resolve));
  const lines = createInterface(controller.stdout!);
  const pid = await new Promise<number>((resolve) =>
    lines.once("line", (line) => resolve(Number(line))),
  );
  expect(pid).toBeGreaterThan(0);
  return { controller, pid, ended };
}

function isGone(pid: number): boolean {
  return !processesWith("averse_worker").some((process) => process.pid === pid);
}

test.each(["throws", "exits", "rejects"])("the controller %s", async (ending) => {
  const { pid, ended } = await start(ending);
  await ended;
  await vi.waitFor(() => expect(isGone(pid)).toBe(true), 30_000);
  expect(readdirSync(sockets)).toEqual([]);
});

test.each(["SIGKILL", "SIGTERM", "SIGHUP"] as const)("the controller gets %s", async (signal) => {
  const { controller, pid, ended } = await start("waits");
  expect(isGone(pid)).toBe(false);
  controller.kill(signal);
  await ended;
  await vi.waitFor(() => expect(isGone(pid)).toBe(true), 30_000);
});
