"""`python follow_parent.py PARENT PROGRAM …` becomes PROGRAM, which ends with its parent.

It gets SIGTERM when its parent dies. PARENT is the parent's process id, by which one that died
before this program ran a line is noticed.

For launchers whose program holds a place on a cluster: a controller that is killed cannot give it
back, and a job that waits in a queue has no worker yet that could notice. A file to be run by its
path, so that nothing but Python is needed.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h. It outlives exec, but for programs with the set-user-id bit."""


def main(argv: list[str]) -> None:
    """Never returns; exits with code 1 and one line where the program cannot be run."""
    parent, *program = argv
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(128 + signal.SIGTERM)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.exit(f"averse: {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
