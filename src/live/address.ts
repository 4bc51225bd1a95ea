/**
 * Where a run's socket lies: in `control/` of the run folder, which only its user can enter. A
 * socket's path has room for 104 bytes (macOS) to 108: under a longer one the socket lies in a folder
 * of its own among the system's temporary files, and `control/address` names it.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join, normalize, resolve } from "node:path";

const folderName = "control";
const addressFile = "address";
const socketName = "socket";
const outsidePrefix = "averse-view-";
const maxPathBytes = 100;

export interface ControlAddress {
  /** Of the socket, absolute. */
  readonly path: string;
  /** Removes socket and address; safe to call twice. */
  remove(): void;
}

/**
 * Makes the place for the socket of a run that this process has locked; what a controller that died
 * left there is removed.
 *
 * @throws {Error} of the file system; or no folder has a path that is short enough
 */
export function makeAddress(run: string): ControlAddress {
  const folder = controlFolder(run);
  removeAddress(run);
  mkdirSync(folder, { mode: 0o700 });
  // Whatever the mask of the user's shell says.
  chmodSync(folder, 0o700);
  const own = join(folder, socketName);
  if (fits(own)) {
    return { path: own, remove: () => removeAddress(run) };
  }
  const parent = [tmpdir(), "/tmp"].find((one) =>
    fits(join(one, `${outsidePrefix}xxxxxx`, socketName)),
  );
  if (parent === undefined) {
    throw new Error(`the path ${own} is too long for a socket, and so is that of ${tmpdir()}`);
  }
  const path = join(mkdtempSync(join(parent, outsidePrefix)), socketName);
  writeFileSync(join(folder, addressFile), path, { mode: 0o600 });
  return { path, remove: () => removeAddress(run) };
}

/** Path of the run's socket; null: no controller serves it. */
export function readAddress(run: string): string | null {
  const own = join(controlFolder(run), socketName);
  return outsideAddress(run) ?? (fits(own) && existsSync(own) ? own : null);
}

function controlFolder(run: string): string {
  return join(resolve(run), folderName);
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= maxPathBytes;
}

/**
 * A run folder may come from anywhere: its address counts only where it is one as this program
 * makes them, for it is connected to, and removed.
 */
function outsideAddress(run: string): string | null {
  let path: string;
  try {
    path = readFileSync(join(controlFolder(run), addressFile), "utf8");
  } catch {
    return null;
  }
  const sound =
    isAbsolute(path) &&
    normalize(path) === path &&
    basename(path) === socketName &&
    /^averse-view-[A-Za-z0-9]{6}$/.test(basename(dirname(path)));
  return sound ? path : null;
}

function removeAddress(run: string): void {
  const outside = outsideAddress(run);
  if (outside !== null) {
    rmSync(outside, { force: true });
    try {
      rmdirSync(dirname(outside));
    } catch {
      // Gone already, or not ours: an empty folder among temporary files costs nothing.
    }
  }
  rmSync(controlFolder(run), { recursive: true, force: true });
}

/**
 * Tells a folder from its copies, by whatever path it is reached.
 *
 * @throws {Error} of the file system
 */
export function folderIdentity(folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true });
  return `${dev}:${ino}`;
}
