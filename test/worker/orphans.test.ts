/** The controller ends without closing its worker, in every way there is: nothing may stay behind. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../eventually.js";
import { processesWith } from "./processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
/** Where the controllers put their sockets. */
let sockets: string;
const controllers: ChildProcess[] = [];

beforeAll(() => {
  // Inside node_modules, so that the built files find zeromq and execa.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "averse-orphans-"));
  sockets = mkdtempSync(join(tmpdir(), "s-"));
  const src = (file: string) => join(root, "src", "worker", file);
  execFileSync(process.execPath, [
    join(root, "node_modules", "typescript", "bin", "tsc"),
    ...["--ignoreConfig", "--noCheck", "--target", "es2023", "--module", "nodenext"],
    ...["--types", "node", "--rootDir", join(root, "src"), "--outDir", folder],
    ...[src("session.ts"), src("spec.ts")],
  ]);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(folder, "controller.js"),
    `import { openSession } from "./worker/session.js";
     import { readWorkerSpec } from "./worker/spec.js";
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
  const controller = spawn(process.execPath, [join(folder, "controller.js"), ending], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: sockets },
  });
  controllers.push(controller);
  const ended = new Promise((resolve) => controller.once("exit", resolve));
  let complaints = "";
  controller.stderr!.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const lines = createInterface(controller.stdout!);
  // No line comes from a controller that cannot start its worker.
  const pid = await new Promise<number>((resolve) => {
    lines.once("line", (line) => resolve(Number(line)));
    lines.once("close", () => resolve(0));
  });
  expect(pid, complaints).toBeGreaterThan(0);
  return { controller, pid, ended };
}

function isGone(pid: number): boolean {
  return !processesWith("averse_worker").some((process) => process.pid === pid);
}

test.each(["throws", "exits", "rejects"])("the controller %s", async (ending) => {
  const { pid, ended } = await start(ending);
  await ended;
  await eventually(() => expect(isGone(pid)).toBe(true));
  expect(readdirSync(sockets)).toEqual([]);
});

test.each(["SIGKILL", "SIGTERM", "SIGHUP"] as const)("the controller gets %s", async (signal) => {
  const { controller, pid, ended } = await start("waits");
  expect(isGone(pid)).toBe(false);
  controller.kill(signal);
  await ended;
  await eventually(() => expect(isGone(pid)).toBe(true));
});

test("what a killed controller left is removed by the next, and what another uses is not", async () => {
  const living = await start("waits");
  const [inUse] = readdirSync(sockets).filter((name) =>
    name.includes(`-${living.controller.pid}-`),
  );
  const killed = await start("waits");
  killed.controller.kill("SIGKILL");
  await killed.ended;
  expect(readdirSync(sockets)).toContainEqual(
    expect.stringContaining(`-${killed.controller.pid}-`),
  );
  const { ended } = await start("exits");
  await ended;
  expect(readdirSync(sockets)).toEqual([inUse]);
  expect(isGone(living.pid)).toBe(false);
  living.controller.kill("SIGKILL");
  await eventually(() => expect(isGone(living.pid)).toBe(true));
});
