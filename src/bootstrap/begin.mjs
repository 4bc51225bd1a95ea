/**
 * How every script here begins: on a Node that can read the rest, knowing the checkout.
 *
 * A script imports all but this at run time, after `begin`: an old Node must come as far as the
 * sentence that says so.
 */
import { isAtLeast } from "./versions.mjs";

/**
 * @typedef {object} Beginning
 * @property {string} root of the checkout
 * @property {string} python of .venv, which is there once `afterSetup` has called
 * @property {(extras: readonly string[], then: () => Promise<number>) => Promise<void>} afterSetup
 *   sets up with these extras of the Python package, then runs the script's own part, which answers
 *   with the exit code
 */

/** @returns {Promise<Beginning>} */
export async function begin() {
  requireNode();
  const { venvPython } = await import("./python-packages.mjs");
  const { afterSetup, checkoutRoot } = await import("./setup.mjs");
  return {
    root: checkoutRoot,
    python: venvPython(checkoutRoot),
    afterSetup: (extras, then) => afterSetup(checkoutRoot, extras, then),
  };
}

const minimum = [20, 19];

/**
 * The first thing every script here does, with syntax that an old Node can read: its user is told
 * what to do instead of seeing a syntax error.
 *
 * @param {string} [version]
 */
export function requireNode(version = process.versions.node) {
  if (isAtLeast(version, minimum)) return;
  process.stderr.write(
    `Averse needs Node ${minimum.join(".")} or newer and this is Node ${version}: ` +
      "install a current one from https://nodejs.org (or with nvm: nvm install 22) and run the command again.\n",
  );
  process.exit(3);
}
