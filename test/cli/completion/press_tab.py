"""What an interactive bash makes of lines with tabs: each is completed, and then printed by echo.

Usage: press_tab.py RC LINE...; prints one completed line per LINE.
"""

import os
import pty
import sys

END = b"=end="


def completed(rc: str, line: str) -> str:
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", PS1="", HISTFILE="/dev/null")
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", rc, "-i"])
    # Ctrl-A goes to the line's beginning, Ctrl-E to its end; bash answers in order.
    os.write(terminal, line.encode() + b"\x01echo '\x05' =en''d=\nexit\n")
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.waitpid(child, 0)
    answers = [one for one in said.replace(b"\r", b"").split(b"\n") if one.endswith(END)]
    return answers[-1].removesuffix(b" " + END).decode()


if __name__ == "__main__":
    for line in sys.argv[2:]:
        print(f"[{completed(sys.argv[1], line)}]")
