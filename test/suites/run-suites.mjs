/** Runs suites in lanes side by side, shows each as it ends, and the output of those that fail. */
import { runCaptured } from "../../src/bootstrap/child.mjs";
import { clock } from "../../src/bootstrap/progress.mjs";

/** A suite that takes longer hangs: ten times what the longest takes on two free cores. */
const suiteSeconds = 1800;
const shownLines = 400;

/**
 * @param {readonly import("./suites.mjs").Suite[]} suites
 * @param {object} options
 * @param {string} options.root
 * @param {NodeJS.ProcessEnv} options.env
 * @param {(text: string) => void} options.print
 * @param {() => boolean} options.stopped
 * @returns {Promise<import("./suites.mjs").Count>}
 */
export async function runSuites(suites, { root, env, print, stopped }) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lanes = [...new Set(suites.map(({ lane }) => lane))];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const suite of suites) {
        if (suite.lane !== lane || stopped()) continue;
        const count = await runSuite(suite, root, env, print);
        total.passed += count.passed;
        total.failed += count.failed;
        total.skipped += count.skipped;
      }
    }),
  );
  return total;
}

/**
 * @param {import("./suites.mjs").Suite} suite
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} print
 */
async function runSuite(suite, root, env, print) {
  const began = Date.now();
  print(`  ${suite.name} …`);
  const { code, lines, timedOut } = await runCaptured(suite.argv, {
    cwd: root,
    env,
    keepLines: shownLines,
    timeoutSeconds: suiteSeconds,
  });
  const count = suite.count(code);
  const seconds = clock(Math.round((Date.now() - began) / 1000));
  if (count.failed > 0) {
    const why = timedOut ? `; stopped after ${clock(suiteSeconds)}` : "";
    print(
      `${lines.join("\n")}\n✗ ${suite.name}: ${count.passed} passed, ${count.failed} failed${why} (${seconds})`,
    );
  } else {
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    print(`✓ ${suite.name}: ${count.passed} passed${skipped} (${seconds})`);
  }
  return count;
}
