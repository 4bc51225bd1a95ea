/**
 * The first thing every script here does. Imports nothing that an old Node cannot read, so that
 * the user of one is told what to do instead of seeing a syntax error.
 */
import { isAtLeast } from "./versions.mjs";

const minimum = [20, 19];

/** @param {string} [version] */
export function requireNode(version = process.versions.node) {
  if (isAtLeast(version, minimum)) return;
  process.stderr.write(
    `Averse needs Node ${minimum.join(".")} or newer and this is Node ${version}: ` +
      "install a current one from https://nodejs.org (or with nvm: nvm install 22) and run the command again.\n",
  );
  process.exit(3);
}
