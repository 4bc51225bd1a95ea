import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

const testFiles = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => join("test", name));

/** They put modules of their own in the place of others, which no other file is to get. */
const replacing = testFiles.filter((name) =>
  readFileSync(join(root, name), "utf8").includes("vi.mock("),
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
    const folder = mkdtempSync(join(memory, "averse-test-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    return { TMPDIR: folder };
  } catch {
    // Not Linux, or not for this user.
    return {};
  }
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
          include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
          exclude: replacing,
          // Loading the modules anew for every file takes longer than most files' tests.
          isolate: false,
        },
      },
      { extends: true, test: { name: "own modules", include: replacing } },
    ],
  },
});
