/**
 * How every script here begins: on a Node that can read the rest, knowing the checkout.
 *
 * A script imports all but this at run time, after `begin`: an old Node must come as far as the
 * sentence that says so.
 */
import { requireNode } from "./require-node.mjs";

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
  const { checkoutRoot } = await import("./checkout-root.mjs");
  const { venvPython } = await import("./python-packages.mjs");
  const { afterSetup } = await import("./setup.mjs");
  return {
    root: checkoutRoot,
    python: venvPython(checkoutRoot),
    afterSetup: (extras, then) => afterSetup(checkoutRoot, extras, then),
  };
}
