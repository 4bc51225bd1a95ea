/**
 * Signals to a whole process group: a worker may have started processes of its own (data loaders,
 * a launcher's ranks), and those must go with it.
 */

/**
 * Sends a signal to every process of the group.
 *
 * @param leader - Process id of the group's leader, which is also the group's id.
 * @returns Whether there was a process to receive it.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  return kill(leader, signal);
}

/** Whether any process of the group is left, unreaped ones counted. */
export function groupExists(leader: number): boolean {
  return kill(leader, 0);
}

function kill(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EPERM: on macOS a group of nothing but zombies answers so.
    if (code === "ESRCH" || code === "EPERM") {
      return false;
    }
    throw error;
  }
}
