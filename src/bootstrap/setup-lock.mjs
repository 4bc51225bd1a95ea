/**
 * One set-up at a time in a checkout. The lock is a file that names its holder; a holder that
 * died, by whatever end, is no holder. It lies in a folder that keeps itself out of git.
 */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const heartbeatSeconds = 5;
/** A holder that is silent for so long is gone: its number may belong to another process by now. */
const silenceSeconds = 60;
/** The same for an installer that goes on without its parent. */
const orphanSeconds = 900;

/**
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} host
 * @property {number | null} child the installer it has started: it may outlive its parent
 */

/**
 * @typedef {object} SetupLock
 * @property {(pid: number | null) => void} setChild
 * @property {() => void} release
 */

/**
 * @param {string} root
 * @param {(holder: Holder) => void} onWait called once when another set-up holds the lock
 * @param {() => boolean} [givenUp]
 * @returns {Promise<SetupLock | null>} null when given up
 */
export async function takeSetupLock(root, onWait, givenUp = () => false) {
  const folder = join(root, ".averse");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".gitignore"), "*\n");
  const file = join(folder, "setup.lock");
  let told = false;
  while (!tryTake(file)) {
    const holder = readHolder(file);
    if (holder !== null && isHeld(file, holder)) {
      if (!told) onWait(holder);
      told = true;
      if (givenUp()) return null;
      await new Promise((resolve) => setTimeout(resolve, 500));
    } else {
      discard(file);
    }
  }
  return held(file);
}

/** @param {string} file */
function tryTake(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, host: hostname(), child: null }));
  try {
    // A link is made whole or not at all: nobody reads a lock without a holder.
    linkSync(own, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * @param {string} file
 * @returns {SetupLock}
 */
function held(file) {
  const timer = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Taken over while this process was stopped for long; the marks still keep it honest.
    }
  }, heartbeatSeconds * 1000);
  timer.unref();
  return {
    setChild: (child) => {
      if (!isOwn(file)) return;
      const partial = `${file}.${process.pid}`;
      writeFileSync(partial, JSON.stringify({ pid: process.pid, host: hostname(), child }));
      renameSync(partial, file);
    },
    release: () => {
      clearInterval(timer);
      if (isOwn(file)) rmSync(file, { force: true });
    },
  };
}

/** @param {string} file */
function isOwn(file) {
  const holder = readHolder(file);
  return holder !== null && holder.pid === process.pid && holder.host === hostname();
}

/**
 * @param {string} file
 * @returns {Holder | null}
 */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

/**
 * @param {string} file
 * @param {Holder} holder
 */
function isHeld(file, holder) {
  /** @type {number} */
  let silent;
  try {
    silent = (Date.now() - statSync(file).mtimeMs) / 1000;
  } catch {
    return false;
  }
  const local = holder.host === hostname();
  if (local && holder.child !== null && isAlive(holder.child)) return silent < orphanSeconds;
  return silent < silenceSeconds && (!local || isAlive(holder.pid));
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * Moves the dead lock aside before removing it. Where another one that waits was faster and the
 * moved lock is already its own, the lock is put back.
 *
 * @param {string} file
 */
function discard(file) {
  const aside = `${file}.${process.pid}.dead`;
  try {
    renameSync(file, aside);
    const holder = readHolder(aside);
    if (holder !== null && isHeld(aside, holder)) linkSync(aside, file);
  } catch {
    // Nothing left to move, or nothing to put back.
  } finally {
    rmSync(aside, { force: true });
  }
}
