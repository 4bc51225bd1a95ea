"""A program that takes the place of `follow_parent.py` goes with its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from averse_worker.platform import follow_parent

FILE = Path(follow_parent.__file__)


def started(*argv: str, parent: int | None = None) -> list[str]:
    """A command line; `parent`: None: this process."""
    return [sys.executable, "-IS", str(FILE), str(parent or os.getpid()), *argv]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone signals a parent's death")
def test_the_program_ends_when_its_parent_is_killed() -> None:
    begins = [sys.executable, "-IS", str(FILE)]
    script = (
        "import os, subprocess; print(flush=True); "
        f"subprocess.run([*{begins!r}, str(os.getpid()), 'sleep', '600'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.kill()
        # The program holds the other end for as long as it lives.
        assert parent.stdout.read() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone signals a parent's death")
def test_a_parent_that_died_before_is_noticed() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    done = subprocess.run(started("sleep", "600", parent=gone.pid), check=False)
    assert done.returncode == 128 + signal.SIGTERM


def test_it_is_the_program_from_then_on() -> None:
    done = subprocess.run(started("sh", "-c", "exit 7"), check=False)
    assert done.returncode == 7
    with subprocess.Popen(started("sleep", "600")) as program:
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(30) == -signal.SIGTERM


def test_a_program_that_there_is_not_is_named() -> None:
    done = subprocess.run(
        started("no-such-program"), check=False, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "averse: no-such-program: No such file or directory\n"
