import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    // One line a file, and no redrawn summary: the same output in a terminal and in a log.
    reporters: [["default", { summary: false }]],
    setupFiles: ["test/drawn-cases.ts"],
    // Only a test that hangs, or a machine that is very busy, takes so long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
  },
});
