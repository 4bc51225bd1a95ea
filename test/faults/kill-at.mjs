/**
 * Preloaded into the controller (`node --import`): sends a signal to the controller itself at one
 * exact call of node:fs, so that the product needs no hooks. `AVERSE_TEST_KILL` holds a `KillAt` as
 * JSON; the marker file makes it strike once, also over resumed runs.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/**
 * @typedef {object} KillAt
 * @property {string} call name in node:fs, synchronous
 * @property {string} path pattern that a path of the call must match; of a file descriptor, the
 *   path that it was opened with
 * @property {string} [content] pattern that the written text must match
 * @property {number} [nth] of the calls that match, from 0
 * @property {"before" | "half" | "after"} when half: with half of the bytes of a writeSync written
 * @property {string} [signal] SIGKILL by default
 * @property {string} marker file
 */

/** @type {KillAt | null} */
const killAt = process.env.AVERSE_TEST_KILL ? JSON.parse(process.env.AVERSE_TEST_KILL) : null;
if (killAt !== null) plant(killAt);

/** @param {KillAt} at */
function plant({ call, path, content = "", nth = 0, when, signal = "SIGKILL", marker }) {
  const { closeSync, openSync, readlinkSync } = fs;
  const own = /** @type {Record<string, Function>} */ (/** @type {unknown} */ (fs));
  const original = /** @type {Function} */ (own[call]);
  const paths = new RegExp(path);
  const contents = new RegExp(content);
  let seen = 0;

  const strike = () => {
    try {
      closeSync(openSync(marker, "wx"));
    } catch {
      return;
    }
    process.kill(process.pid, signal);
  };

  own[call] = (/** @type {unknown[]} */ ...args) => {
    const place = typeof args[0] === "number" ? readlinkSync(`/proc/self/fd/${args[0]}`) : args[0];
    const named = [place, typeof args[1] === "string" ? args[1] : ""].some((one) =>
      paths.test(String(one)),
    );
    const written = args[1] instanceof Uint8Array ? Buffer.from(args[1]).toString() : args[1];
    const matches = named && (content === "" || contents.test(String(written)));
    if (!matches || seen++ !== nth) return original(...args);
    if (when === "before") strike();
    if (when === "half") {
      const [handle, bytes, from] = /** @type {[number, Uint8Array, number]} */ (args);
      original(handle, bytes, from, Math.floor((bytes.length - from) / 2));
      strike();
    }
    const result = original(...args);
    if (when === "after") strike();
    return result;
  };
  syncBuiltinESMExports();
}
