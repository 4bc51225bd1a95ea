/**
 * `npm test`: sets everything up, then runs every check and test. `npm test -- vitest pytest` runs
 * only suites whose names hold one of the words. AVERSE_TEST_RESULTS names a folder that keeps the suites'
 * result files, which have every test's duration.
 */
import { begin } from "../../src/bootstrap/begin.mjs";

const { root, afterSetup } = await begin();
const { mkdirSync, mkdtempSync, rmSync } = await import("node:fs");
const { availableParallelism, tmpdir } = await import("node:os");
const { join } = await import("node:path");
const { wasInterrupted } = await import("../../src/bootstrap/child.mjs");
const { runSuites } = await import("./run-suites.mjs");
const { interruptedExit } = await import("../../src/bootstrap/setup-error.mjs");
const { allSuites } = await import("./suites.mjs");

const words = process.argv.slice(2);

await afterSetup(["dev"], async () => {
  const kept = process.env.AVERSE_TEST_RESULTS;
  if (kept) mkdirSync(kept, { recursive: true });
  const scratch = kept || mkdtempSync(join(tmpdir(), "averse-test-"));
  const suites = allSuites(root, scratch, availableParallelism()).filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (suites.length === 0) {
    const known = allSuites(root, scratch, 1).map(({ name }) => name);
    process.stderr.write(`No suite has ${words.join(" or ")} in its name: ${known.join(" · ")}\n`);
  }
  const print = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
  // AVERSE_PYTHON named the Python to make .venv with; tests run in .venv itself.
  const { AVERSE_PYTHON: _, ...env } = process.env;
  try {
    const { passed, failed, skipped } = await runSuites(suites, {
      root,
      env: { ...env, NO_COLOR: "1" },
      print,
      stopped: wasInterrupted,
    });
    if (skipped > 0) print(`${skipped} skipped`);
    print(`${passed} passed, ${failed} failed`);
    return wasInterrupted() ? interruptedExit : failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    if (!kept) rmSync(scratch, { recursive: true, force: true });
  }
});
