/** The real program, as a user starts it: dist/main.js, built anew where a source changed. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { ensureBuilt } from "../../src/bootstrap/build.mjs";
import { takeSetupLock } from "../../src/bootstrap/setup-lock.mjs";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** Settles once stdout or stderr holds the text, or the process is gone. */
  saying(text: string): Promise<void>;
  readonly finished: Promise<Finished>;
}

export interface Circumstances {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly gid?: number;
}

export function start(
  args: readonly string[],
  { cwd = scratch, env = {}, ...user }: Circumstances = {},
): Started {
  const child = spawn(process.execPath, [join(root, "dist", "main.js"), ...args], {
    ...user,
    cwd,
    env: {
      ...process.env,
      // Node warns on stderr where both are there.
      ...{ NO_COLOR: "1", FORCE_COLOR: undefined },
      AVERSE_ARTIFACTS: join(scratch, "artifacts"),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  let heard = () => {};
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
      heard();
    });
  }
  const finished = new Promise<Finished>((resolve) => {
    child.on("close", (code) => resolve({ code, ...text }));
  });
  return {
    child,
    finished,
    saying: (words) =>
      new Promise((resolve) => {
        heard = () => {
          if (text.stdout.includes(words) || text.stderr.includes(words)) resolve();
        };
        heard();
        void finished.then(() => resolve());
      }),
  };
}

export function averse(args: readonly string[], circumstances?: Circumstances): Promise<Finished> {
  return start(args, circumstances).finished;
}

/** A folder for the file's tests; removed after them. */
export let scratch = "";

/** Call once in a file of tests. */
export function buildProgramFirst(): void {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "averse-cli-"));
    const lock = await takeSetupLock(root, () => {});
    try {
      await ensureBuilt(root);
    } finally {
      lock?.release();
    }
  }, 120_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
}
