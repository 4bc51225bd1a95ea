import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { takeSetupLock } from "../../src/bootstrap/setup-lock.mjs";

const lockModule = fileURLToPath(new URL("../../src/bootstrap/setup-lock.mjs", import.meta.url));

function scratchRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "averse-lock-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function leaveLock(root: string, holder: object, secondsAgo = 0, name = "setup.lock"): void {
  const file = join(root, ".averse", name);
  mkdirSync(join(root, ".averse"), { recursive: true });
  writeFileSync(file, JSON.stringify({ pid: deadPid, host: hostname(), child: null, ...holder }));
  const then = new Date(Date.now() - secondsAgo * 1000);
  utimesSync(file, then, then);
}

/** Above what Linux gives out. */
const deadPid = 2 ** 22 + 1;
const givesUpAtOnce = () => true;

describe("the lock of the set-up", () => {
  test("is taken, given back, and kept out of git", async () => {
    const root = scratchRoot();
    const lock = await takeSetupLock(root, () => {});
    expect(existsSync(join(root, ".averse", "setup.lock"))).toBe(true);
    expect(readFileSync(join(root, ".averse", ".gitignore"), "utf8")).toBe("*\n");
    lock!.release();
    expect(existsSync(join(root, ".averse", "setup.lock"))).toBe(false);
  });

  test("that a living process holds is waited for, and that is told once", async () => {
    const root = scratchRoot();
    const first = await takeSetupLock(root, () => {});
    const waits: number[] = [];
    const second = takeSetupLock(root, ({ pid }) => waits.push(pid));
    setTimeout(() => first!.release(), 1200);
    expect(await second).not.toBeNull();
    expect(waits).toEqual([process.pid]);
    (await second)!.release();
  });

  test("is given up on request", async () => {
    const root = scratchRoot();
    leaveLock(root, { pid: process.pid });
    expect(await takeSetupLock(root, () => {}, givesUpAtOnce)).toBeNull();
  });

  test.each([
    ["a process that died", {}, 0, true],
    ["a process of this number that is another by now", { pid: process.pid }, 120, true],
    ["another machine that fell silent", { host: "elsewhere" }, 120, true],
    ["another machine at work", { host: "elsewhere" }, 1, false],
    ["a dead process whose pip goes on", { child: process.pid }, 120, false],
    ["a dead process whose pip is dead too", { child: deadPid }, 0, true],
    ["a pip that has been silent for too long", { child: process.pid }, 3600, true],
  ])("left by %s", async (_, holder, secondsAgo, free) => {
    const root = scratchRoot();
    leaveLock(root, holder, secondsAgo);
    const lock = await takeSetupLock(root, () => {}, givesUpAtOnce);
    expect(lock !== null).toBe(free);
    lock?.release();
  });

  test("that cannot be read is no lock", async () => {
    const root = scratchRoot();
    leaveLock(root, {});
    writeFileSync(join(root, ".averse", "setup.lock"), "{");
    const lock = await takeSetupLock(root, () => {}, givesUpAtOnce);
    expect(lock).not.toBeNull();
    lock!.release();
  });

  test("of a dead one is removed by one alone, however that one ends", async () => {
    const root = scratchRoot();
    leaveLock(root, {});
    leaveLock(root, { pid: process.ppid }, 0, "setup.lock.discard");
    expect(await takeSetupLock(root, () => {}, givesUpAtOnce)).toBeNull();
    expect(existsSync(join(root, ".averse", "setup.lock"))).toBe(true);
    leaveLock(root, {}, 0, "setup.lock.discard");
    const lock = await takeSetupLock(root, () => {});
    expect(readdirSync(join(root, ".averse")).sort()).toEqual([".gitignore", "setup.lock"]);
    lock!.release();
  });

  test("lets one of many in at a time, even past a dead one", async () => {
    const root = scratchRoot();
    leaveLock(root, {});
    const log = join(root, "log");
    const program = `
      import { appendFileSync } from "node:fs";
      import { takeSetupLock } from ${JSON.stringify(lockModule)};
      const lock = await takeSetupLock(${JSON.stringify(root)}, () => {});
      appendFileSync(${JSON.stringify(log)}, "in\\n");
      await new Promise((resolve) => setTimeout(resolve, 50));
      appendFileSync(${JSON.stringify(log)}, "out\\n");
      lock.release();`;
    const children = Array.from({ length: 5 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" }),
    );
    const codes = await Promise.all(
      children.map((child) => new Promise((resolve) => child.on("close", resolve))),
    );
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    expect(readFileSync(log, "utf8")).toBe("in\nout\n".repeat(5));
  });
});
