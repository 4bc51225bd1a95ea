/**
 * One set-up at a time in a checkout. The lock is a file that names its holder; a holder that
 * died, by whatever end, is no holder. It lies in a folder that keeps itself out of git.
 */
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const heartbeatSeconds = 5;
/** A holder without a heartbeat for so long is gone: its id may belong to another process by now. */
const timeoutSeconds = 60;
/** The same for an installer that continues without its parent. */
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
    const lock = look(file);
    if (lock?.holder && lock.held) {
      if (!told) onWait(lock.holder);
      told = true;
      if (givenUp()) return null;
      await new Promise((resolve) => setTimeout(resolve, 500));
    } else if (lock !== null && !discard(file)) {
      if (givenUp()) return null;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return held(file);
}

/** @param {string} file */
function tryTake(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, host: hostname(), child: null }));
  try {
    // A link is atomic: no lock is ever read without a holder.
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
  const holder = look(file)?.holder;
  return holder?.pid === process.pid && holder.host === hostname();
}

/**
 * @param {string} file
 * @returns {{ holder: Holder | null, held: boolean } | null} null: there is none; a lock without a
 *   holder cannot be read
 */
function look(file) {
  /** @type {number} */
  let handle;
  try {
    handle = openSync(file, "r");
  } catch {
    return null;
  }
  try {
    // Of one and the same file: another may be there under its name by now.
    const silent = (Date.now() - fstatSync(handle).mtimeMs) / 1000;
    const holder = JSON.parse(readFileSync(handle, "utf8"));
    return { holder, held: isHeld(holder, silent) };
  } catch {
    return { holder: null, held: false };
  } finally {
    closeSync(handle);
  }
}

/**
 * @param {Holder} holder
 * @param {number} silent seconds since its last heartbeat
 */
function isHeld(holder, silent) {
  const local = holder.host === hostname();
  if (local && holder.child !== null && isAlive(holder.child)) return silent < orphanSeconds;
  return silent < timeoutSeconds && (!local || isAlive(holder.pid));
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
 * Removes a dead lock. One at a time does so, and looks once more when its turn has come: the lock
 * may be that of another who was faster, which must stay.
 *
 * @param {string} file
 * @returns {boolean} false: it is another's turn
 */
function discard(file) {
  const turn = `${file}.discard`;
  if (!tryTake(turn)) {
    // A process that died in its turn would block all others.
    if (look(turn)?.held === false) rmSync(turn, { force: true });
    return false;
  }
  try {
    if (look(file)?.held === false) rmSync(file, { force: true });
    return true;
  } finally {
    rmSync(turn, { force: true });
  }
}
