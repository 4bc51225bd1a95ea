"""Runs a command on a terminal of its own, and closes that terminal's window once a file is there.

closed-window.py FILE TEXT -- COMMAND...: prints how the command ended, as Popen.returncode would.
"""

import contextlib
import os
import pty
import sys
import time
from pathlib import Path

path, text, separator, *command = sys.argv[1:]
assert separator == "--"
child, window = pty.fork()
if child == 0:
    os.execvp(command[0], command)
os.set_blocking(window, False)
deadline = time.monotonic() + 40
while time.monotonic() < deadline:
    with contextlib.suppress(BlockingIOError):
        os.read(window, 1 << 16)
    if Path(path).exists() and text in Path(path).read_text(encoding="utf8"):
        break
    time.sleep(0.05)
os.close(window)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
