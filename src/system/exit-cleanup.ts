/**
 * What must not outlive this process, however it ends: worker processes and socket folders. Node
 * runs `exit` listeners on an uncaught error and on `process.exit`, synchronously; after SIGKILL
 * nothing runs, and the worker's own watch on its parent has to do.
 */
const cleanups = new Set<() => void>();

/** One listener for all: Node warns of a leak from eleven on. */
function runAll(): void {
  // The last first: a worker is ended before the folder that it writes to is removed.
  for (const cleanup of [...cleanups].reverse()) {
    cleanup();
  }
}

/**
 * Registers a synchronous clean-up for the exit of this process.
 *
 * @returns Takes it back; call it when the thing is gone.
 */
export function atExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) {
    process.on("exit", runAll);
  }
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size === 0) {
      process.off("exit", runAll);
    }
  };
}
