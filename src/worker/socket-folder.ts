/**
 * A folder of one's own for the socket: nobody else on the machine can reach the worker. The
 * worker's temporary files lie in it, too: one that is killed cannot tidy up after itself.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EnvironmentError } from "../worker.js";
import { atExit } from "./exit-cleanup.js";
import { ownPrefix, removeFolder, removeStaleFolders } from "./stale-folders.js";

/** A Unix socket's path has 108 bytes on Linux, 104 on macOS, its closing zero among them. */
const MAX_PATH_BYTES = 100;

export interface SocketFolder {
  /** Of the socket file to bind. */
  readonly socket: string;
  /** Of the file with the worker's keys, where there are any. */
  readonly keys: string;
  /** Folder for the worker's temporary files. */
  readonly temporary: string;
  /** Removes the folder once the worker is gone; safe to call twice. */
  remove(): void;
}

/** Folders that were looked through for what dead controllers left: once a process is enough. */
const tidied = new Set<string>();

/**
 * Makes a fresh folder (mode 0700, by mkdtemp) for one socket.
 *
 * @throws {EnvironmentError} no such folder can be made, or the path would be too long.
 */
export function makeSocketFolder(parent = tmpdir()): SocketFolder {
  let folder: string;
  try {
    if (!tidied.has(parent)) {
      removeStaleFolders(parent);
      tidied.add(parent);
    }
    folder = mkdtempSync(join(parent, ownPrefix()));
    mkdirSync(join(folder, "tmp"));
  } catch (error) {
    throw new EnvironmentError(
      `cannot make a folder for the worker's socket in ${parent}: ${(error as Error).message}; ` +
        "set TMPDIR to a folder that exists and may be written to",
      { cause: error },
    );
  }
  const remove = () => {
    forget();
    removeFolder(folder);
  };
  const forget = atExit(remove);
  const socket = join(folder, "worker.sock");
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_PATH_BYTES) {
    remove();
    throw new EnvironmentError(
      `the worker's socket ${socket} has ${bytes} bytes in its path, expected at most ` +
        `${MAX_PATH_BYTES} (the system's limit for sockets); set TMPDIR to a shorter folder, such as /tmp`,
    );
  }
  return {
    socket,
    keys: join(folder, "keys.json"),
    temporary: join(folder, "tmp"),
    remove,
  };
}
