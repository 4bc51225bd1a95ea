"""A pseudo-terminal for the tests: runs a program in one and passes on what goes in and out.

    python pty_bridge.py COLUMNS ROWS PROGRAM [ARGUMENT ...]

Stdin takes one JSON object per line: {"keys": base64}, {"resize": [columns, rows]},
{"signal": number}, {"ask": "modes"}, {"hangup": true}. Stdout gives one per line: {"pid": …},
{"shown": base64}, {"modes": {…}}, {"code": …, "signal": …, "modes": {…}}. The terminal stays open
on this side when the program has ended, so that how it left it can be read.
"""

import base64
import fcntl
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping


def say(**words: object) -> None:
    """One line to the test."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def set_size(terminal: int, columns: int, rows: int) -> None:
    """The kernel tells the programs in the terminal (SIGWINCH)."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def modes_of(terminal: int) -> Mapping[str, bool]:
    """What `stty` would tell of a line: whether it is the kernel's to edit and to echo."""
    local = termios.tcgetattr(terminal)[3]
    return {
        "canonical": bool(local & termios.ICANON),
        "echo": bool(local & termios.ECHO),
        "signals": bool(local & termios.ISIG),
    }


def become_leader() -> None:
    """In the program's process: a session with this terminal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main() -> None:
    """Until the program has ended, or the test has gone."""
    columns, rows, *command = sys.argv[1:]
    near, far = os.openpty()
    set_size(far, int(columns), int(rows))
    program = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, preexec_fn=become_leader)
    say(pid=program.pid)
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    for source in (0, near, ended):
        waiting.register(source, selectors.EVENT_READ)
    asked = b""
    while True:
        ready = {key.fd for key, _ in waiting.select(0 if program.poll() is not None else None)}
        if near in ready:
            say(shown=base64.b64encode(os.read(near, 1 << 16)).decode())
        elif program.poll() is not None:
            say(
                code=program.returncode if program.returncode >= 0 else None,
                signal=-program.returncode if program.returncode < 0 else None,
                modes=modes_of(far),
            )
            return
        if ended in ready:
            os.read(ended, 64)
        if 0 in ready:
            heard = os.read(0, 1 << 16)
            if heard == b"":
                program.kill()
                return
            *lines, asked = (asked + heard).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if "keys" in order:
                    os.write(near, base64.b64decode(order["keys"]))
                elif "resize" in order:
                    set_size(far, *order["resize"])
                elif "signal" in order and program.poll() is None:
                    os.kill(program.pid, order["signal"])
                elif "ask" in order:
                    say(modes=modes_of(far))
                elif "hangup" in order:
                    os.close(far)
                    os.close(near)
                    code = program.wait()
                    say(code=max(code, 0), signal=-code if code < 0 else None, modes=None)
                    return


if __name__ == "__main__":
    main()
