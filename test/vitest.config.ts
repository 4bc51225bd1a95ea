import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

const testFiles = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => join("test", name));

/** Folders of tests that leave the process that they run in as it was. */
const calm = [
  ...["analysis", "audit", "config", "engine", "journal", "live", "protocol", "report", "risk"],
  ...["run-model", "stats", "store", "suites", "system", "tables", "text", "tui"],
];

/** Of these, files that put modules of their own in the place of others get theirs alone. */
const shared = testFiles.filter(
  (name) =>
    calm.some((folder) => name.startsWith(join("test", folder, "/"))) &&
    !readFileSync(join(root, name), "utf8").includes("vi.mock("),
);

/**
 * Where temporary files go: to memory, where there is enough. Runs wait for the disk after every event,
 * and no test cuts the power.
 */
function temporaryFolder(): Record<string, string> {
  const memory = "/dev/shm";
  try {
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize < 4 * 2 ** 30) return {};
    for (const name of readdirSync(memory)) {
      const pid = /^at-(\d+)-/.exec(name)?.[1];
      // A run that was killed must not keep its memory.
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(join(memory, name));
    }
    // Short: sockets of workers lie in folders of it, and a socket's path has 100 bytes at most.
    const folder = mkdtempSync(join(memory, `at-${process.pid}-`));
    // As /tmp is: some tests give up their privileges.
    chmodSync(folder, 0o1777);
    process.once("exit", () => remove(folder));
    return { TMPDIR: folder };
  } catch {
    // Not Linux, or not for this user.
    return {};
  }
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export default defineConfig({
  root,
  test: {
    // One line a file, and no redrawn summary: the same output in a terminal and in a log.
    reporters: [["default", { summary: false }]],
    setupFiles: ["test/drawn-cases.ts"],
    env: temporaryFolder(),
    // Only a test that hangs, or a machine that is very busy, takes so long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        test: {
          name: "shared modules",
          include: shared,
          // Loading the modules anew for every file takes longer than most files' tests.
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "own modules", include: testFiles, exclude: shared },
      },
    ],
  },
});
