"""Runs a command on a terminal of its own, and closes that terminal's window at a certain moment.

closed-window.py FILE TEXT -- COMMAND...: when the file has the text; FILE `-`: the window itself.
Prints how the command ended, as Popen.returncode would.
"""

import os
import pty
import select
import sys
import time
from pathlib import Path

PATIENCE = 100
"""Seconds; only a machine that is very busy needs them."""

path, text, separator, *command = sys.argv[1:]
assert separator == "--"
child, window = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown = ""


def has_come() -> bool:
    """Whether the text is there."""
    if path == "-":
        return text in shown
    return Path(path).exists() and text in Path(path).read_text(encoding="utf8")


deadline = time.monotonic() + PATIENCE
while not has_come():
    if time.monotonic() > deadline:
        os.kill(child, 9)
        sys.exit(f"{text!r} did not come within {PATIENCE} s; the window shows {shown[-2000:]!r}")
    if select.select([window], [], [], 0.05)[0]:
        shown += os.read(window, 1 << 16).decode(errors="replace")
os.close(window)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
