"""`python follow_parent.py PROGRAM …` becomes PROGRAM, which gets SIGTERM when its parent dies.

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
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGTERM)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.exit(f"averse: {argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
