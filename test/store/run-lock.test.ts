/** The lock of a run, between real processes. */
import { type ChildProcess, spawn } from "node:child_process";
import type * as fs from "node:fs";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { LockOwner } from "../../src/store/lock-generations.js";
import { holderOf, lockRun, type RunLock } from "../../src/store/run-lock.js";
import { identityOf, lifeOf } from "../../src/system/processes.js";
import { eventually } from "../eventually.js";
import { temporaryFolder } from "./folders.js";

/** Done once, just before the next generation is linked: another process that is quicker. */
let beforeLink: (() => void) | null = null;

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const linkSync: typeof fs.linkSync = (from, to) => {
    const interruption = beforeLink;
    beforeLink = null;
    interruption?.();
    real.linkSync(from, to);
  };
  return { ...real, linkSync };
});

const now = () => new Date(Date.UTC(2026, 0, 1));
const held: RunLock[] = [];
const children: ChildProcess[] = [];

afterEach(() => {
  for (const lock of held.splice(0)) lock.release();
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function take(run: string): RunLock {
  const lock = lockRun(run, now);
  held.push(lock);
  return lock;
}

function generations(run: string): string[] {
  return readdirSync(join(run, "lock")).sort();
}

/** A generation as another process would have left it. */
function leave(run: string, generation: number, changes: Partial<LockOwner>): void {
  mkdirSync(join(run, "lock"), { recursive: true });
  const owner = { ...identityOf(process.ppid), since: now().toISOString(), released: false };
  const name = `${String(generation).padStart(6, "0")}.json`;
  writeFileSync(join(run, "lock", name), JSON.stringify({ ...owner, ...changes }));
}

/** No process of this machine can have it. */
const deadPid = 2 ** 22 + 1;

describe("a lock", () => {
  test("is refused to a second controller, which is told who has it and what to do", () => {
    const run = temporaryFolder();
    take(run);
    expect(() => lockRun(run, now)).toThrow(
      expect.objectContaining({
        reason: "locked",
        message: expect.stringMatching(
          new RegExp(
            `^${run} is in use by process ${process.pid} on this machine \\(.+\\) since ` +
              `2026-01-01T00:00:00\\.000Z: wait for it, or stop it with \`kill ${process.pid}\``,
          ),
        ),
      }),
    );
    expect(holderOf(run)).toMatchObject({ pid: process.pid });
  });

  test("is free again once released, and leaves one small file", () => {
    const run = temporaryFolder();
    for (const generation of ["000001.json", "000002.json", "000003.json"]) {
      take(run).release();
      expect(generations(run)).toEqual([generation]);
      expect(holderOf(run)).toBeNull();
    }
  });

  test("of a run without one is held by nobody", () => {
    const run = temporaryFolder();
    expect(holderOf(run)).toBeNull();
    expect(readdirSync(run)).toEqual([]);
  });

  test.each([
    ["is gone", { pid: deadPid }],
    ["has its number, but is another", { process_start: "1" }],
    ["ran before the machine was started", { boot_id: "another" }],
  ])("whose owner's process %s is taken at once", (_, changes) => {
    const run = temporaryFolder();
    leave(run, 7, changes);
    expect(holderOf(run)).toBeNull();
    take(run);
    expect(generations(run)).toEqual(["000008.json"]);
  });

  test.each([
    ["on another machine", { host: "elsewhere" }, /process \d+ on elsewhere since/],
    ["in a container", { pid_namespace: "pid:[1]" }, /cannot tell whether it still runs/],
  ])("of a process %s cannot be judged: how to remove it is told", (_, changes, message) => {
    const run = temporaryFolder();
    leave(run, 1, { pid: deadPid, ...changes });
    expect(() => lockRun(run, now)).toThrow(message);
    expect(() => lockRun(run, now)).toThrow(`once it has ended, remove ${join(run, "lock")}`);
    rmSync(join(run, "lock"), { recursive: true });
    take(run);
  });

  test("that cannot be read is refused with its file", () => {
    const run = temporaryFolder();
    leave(run, 1, {});
    writeFileSync(join(run, "lock", "000001.json"), "{");
    expect(() => lockRun(run, now)).toThrow(
      /000001\.json is not a lock: .* remove it and try again/,
    );
  });

  test("that was removed by hand and taken by another is not released for it", () => {
    const run = temporaryFolder();
    const lock = take(run);
    rmSync(join(run, "lock"), { recursive: true });
    leave(run, 1, {});
    lock.release();
    expect(holderOf(run)).toMatchObject({ pid: process.ppid });
    rmSync(join(run, "lock"), { recursive: true });
    lock.release();
    expect(readdirSync(run)).toEqual([]);
  });
});

describe("what a process was writing when it died", () => {
  const nobodys = (pid: number, place: string) =>
    `${pid}-00000000-0000-4000-8000-00000000000${place}.tmp`;

  /** Whole, as it stands between its link and its removal; or cut off, as after a power cut. */
  function leaveUnfinished(run: string, name: string, owner: Partial<LockOwner> | null): void {
    mkdirSync(join(run, "lock"), { recursive: true });
    const whole = { ...identityOf(process.ppid), since: now().toISOString(), released: false };
    const text = owner === null ? '{"pid":' : JSON.stringify({ ...whole, ...owner });
    writeFileSync(join(run, "lock", name), text);
  }

  test("goes when the lock is taken", () => {
    const run = temporaryFolder();
    leave(run, 1, { pid: deadPid });
    leaveUnfinished(run, nobodys(deadPid, "1"), { pid: deadPid });
    leaveUnfinished(run, nobodys(process.ppid, "2"), { boot_id: "another" });
    leaveUnfinished(run, nobodys(deadPid, "3"), null);
    take(run);
    expect(generations(run)).toEqual(["000002.json"]);
  });

  test("stays where its process lives, or may live; and so does what is none", () => {
    const run = temporaryFolder();
    const living = nobodys(process.ppid, "1");
    const cutOff = nobodys(process.ppid, "2");
    const elsewhere = nobodys(deadPid, "3");
    leaveUnfinished(run, living, {});
    leaveUnfinished(run, cutOff, null);
    leaveUnfinished(run, elsewhere, { pid: deadPid, host: "elsewhere" });
    leaveUnfinished(run, "notes.tmp", null);
    take(run);
    const left = ["000001.json", living, cutOff, elsewhere, "notes.tmp"];
    expect(generations(run)).toEqual(left.sort());
  });

  test("of one cleared away by another's mistake: the lock is looked at again", () => {
    const run = temporaryFolder();
    beforeLink = () => {
      leave(run, 1, {});
      for (const name of generations(run).filter((one) => one.endsWith(".tmp"))) {
        unlinkSync(join(run, "lock", name));
      }
    };
    expect(() => lockRun(run, now)).toThrow(expect.objectContaining({ reason: "locked" }));
    expect(generations(run)).toEqual(["000001.json"]);
  });
});

describe("between looking and taking", () => {
  test("another takes the same generation: it has the lock", () => {
    const run = temporaryFolder();
    leave(run, 5, { pid: deadPid });
    beforeLink = () => leave(run, 6, {});
    expect(() => lockRun(run, now)).toThrow(expect.objectContaining({ reason: "locked" }));
    expect(generations(run)).toEqual(["000005.json", "000006.json"]);
  });

  test("others pass it by and clear it away: the last one has the lock", () => {
    const run = temporaryFolder();
    leave(run, 5, { pid: deadPid });
    beforeLink = () => {
      leave(run, 7, {});
      unlinkSync(join(run, "lock", "000005.json"));
    };
    expect(() => lockRun(run, now)).toThrow(expect.objectContaining({ reason: "locked" }));
    expect(generations(run)).toEqual(["000007.json"]);
  });

  test("another takes it and releases it: the next generation is there to take", () => {
    const run = temporaryFolder();
    leave(run, 5, { pid: deadPid });
    beforeLink = () => leave(run, 6, { released: true });
    take(run);
    expect(generations(run)).toEqual(["000007.json"]);
  });
});

/** Runs the lock in a process of its own, one command per line. */
class Contender {
  readonly #lines: Interface;
  readonly #answers: ((line: string) => void)[] = [];
  readonly exited: Promise<unknown>;
  readonly child: ChildProcess;

  constructor(program: string) {
    this.child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    children.push(this.child);
    this.exited = new Promise((resolve) => this.child.once("exit", resolve));
    this.#lines = createInterface(this.child.stdout!);
    this.#lines.on("line", (line) => this.#answers.shift()!(line));
  }

  ask(command: object): Promise<string> {
    return new Promise((resolve) => {
      this.#answers.push(resolve);
      this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    });
  }
}

describe.runIf(process.platform === "linux")("between processes", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  let folder: string;
  let program: string;

  beforeAll(async () => {
    // Inside node_modules, so that the built file finds its packages.
    const cache = join(root, "node_modules", ".cache");
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "averse-lock-"));
    const entry = join(folder, "contender.js");
    writeFileSync(
      entry,
      `import { closeSync, openSync, unlinkSync } from "node:fs";
       import fs from "node:fs";
       import { syncBuiltinESMExports } from "node:module";
       import { createInterface } from "node:readline";
       import { lockRun } from ${JSON.stringify(join(root, "src/store/run-lock.ts"))};
       const tryLock = (run) => {
         try {
           return lockRun(run, () => new Date());
         } catch (error) {
           if (error.reason !== "locked") throw error;
           return null;
         }
       };
       const commands = {
         dieLinked: ({ run }) => {
           const { linkSync } = fs;
           fs.linkSync = (...files) => {
             linkSync(...files);
             process.kill(process.pid, "SIGKILL");
           };
           syncBuiltinESMExports();
           return tryLock(run);
         },
         // All begin at one moment, so that they meet.
         take: ({ run, at }) => {
           while (Date.now() < at);
           return tryLock(run) === null ? "lost" : "won";
         },
         // Goes in and out; another one inside at the same time makes "wx" fail.
         visit: ({ run, times, mark }) => {
           for (let done = 0; done < times; ) {
             const lock = tryLock(run);
             if (lock === null) continue;
             closeSync(openSync(mark, "wx"));
             unlinkSync(mark);
             lock.release();
             done += 1;
           }
           return "done";
         },
       };
       for await (const line of createInterface(process.stdin)) {
         const { name, ...rest } = JSON.parse(line);
         console.log(commands[name](rest));
       }`,
    );
    await build({
      root,
      configFile: false,
      logLevel: "error",
      build: { ssr: entry, outDir: join(folder, "built"), emptyOutDir: true, minify: false },
    });
    program = join(folder, "built", "contender.js");
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("that race for a dead one's lock, one alone gets it, every time", async () => {
    const contenders = [new Contender(program), new Contender(program), new Contender(program)];
    for (let round = 0; round < 100; round += 1) {
      const run = temporaryFolder();
      leave(run, 41, { pid: deadPid });
      const command = { name: "take", run, at: Date.now() + 2 };
      const answers = await Promise.all(contenders.map((one) => one.ask(command)));
      expect(answers.sort(), `round ${round}`).toEqual(["lost", "lost", "won"]);
    }
  });

  test("that come and go, never two are inside", async () => {
    const run = temporaryFolder();
    const command = { name: "visit", run, times: 60, mark: join(run, "inside") };
    const contenders = [new Contender(program), new Contender(program), new Contender(program)];
    const answers = await Promise.all(contenders.map((one) => one.ask(command)));
    expect(answers).toEqual(["done", "done", "done"]);
    expect(generations(run)).toEqual(["000180.json"]);
  });

  test("a killed one's lock is taken at once, by one who never waited", async () => {
    const run = temporaryFolder();
    const owner = new Contender(program);
    expect(await owner.ask({ name: "take", run, at: 0 })).toBe("won");
    expect(holderOf(run)).toMatchObject({ pid: owner.child.pid });
    expect(() => lockRun(run, now)).toThrow(`in use by process ${owner.child.pid}`);
    owner.child.kill("SIGKILL");
    await owner.exited;
    take(run);
  });

  test("a killed one that had linked its lock, and not yet tidied up, leaves nothing", async () => {
    const run = temporaryFolder();
    const owner = new Contender(program);
    owner.child.stdin!.write(`${JSON.stringify({ name: "dieLinked", run })}\n`);
    await owner.exited;
    expect(generations(run)).toEqual(["000001.json", expect.stringMatching(/^\d+-.*\.tmp$/)]);
    take(run);
    expect(generations(run)).toEqual(["000002.json"]);
  });

  test("a stopped one keeps its lock", async () => {
    const run = temporaryFolder();
    const owner = new Contender(program);
    await owner.ask({ name: "take", run, at: 0 });
    owner.child.kill("SIGSTOP");
    expect(() => lockRun(run, now)).toThrow(/in use/);
  });

  test("one that has ended and that nobody has reaped is dead", async () => {
    // The shell turns into a program that never asks after its child. The child ends only
    // once it has: a shell may bury a child that ends earlier.
    const shell = spawn("sh", ["-c", "read -r end <&3 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    children.push(shell);
    const [line] = await new Promise<string[]>((resolve) =>
      createInterface(shell.stdout!).once("line", (...lines: string[]) => resolve(lines)),
    );
    const pid = Number(line);
    await eventually(() => expect(readFileSync(`/proc/${shell.pid}/comm`, "utf8")).toBe("sleep\n"));
    (shell.stdio[3] as Writable).end();
    await eventually(() => expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toMatch(/\) Z /));
    expect(lifeOf(identityOf(pid))).toBe("dead");
  });
});

test("this process lives, as itself only", () => {
  const here = identityOf(process.pid);
  expect(lifeOf(here)).toBe("lives");
  expect(lifeOf(identityOf(process.ppid))).toBe("lives");
  expect(lifeOf({ ...here, pid: deadPid })).toBe("dead");
});
