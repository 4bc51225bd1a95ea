"""The process itself, with stand-ins for a tracker's library that hang, die and are not there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_folders import step, write_run

PYTHON = Path(__file__).parents[3] / "python"

HANGS = "import time\ndef init(**_):\n    time.sleep(600)\n"
DIES = "import os\ndef init(**_):\n    os._exit(9)\n"
RAISES = "def init(**_):\n    raise ConnectionError('no route to the server\\nmore')\n"


def track(run: Path, library: str | None, **settings: Any) -> tuple[list[dict[str, Any]], str, int]:
    """Reports, standard error and exit code of one process; `library`: trackio's source."""
    folder = run / "stand-in"
    folder.mkdir(exist_ok=True)
    if library is not None:
        (folder / "trackio.py").write_text(library)
    paths = os.pathsep.join([str(folder), str(PYTHON)])
    done = subprocess.run(
        [sys.executable, "-m", "averse_tracker", str(run)],
        input=json.dumps({"name": "trackio", **settings}) + "\n",
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr, done.returncode


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "tails", [step(1), step(2)])


def test_a_library_that_hangs_is_given_up_and_its_stack_kept(run: Path) -> None:
    reports, log, code = track(run, HANGS, timeout=0.5)
    assert reports == [
        {"state": "failed", "kind": "hung", "why": "trackio gave no answer for 0.5 s (starting)"}
    ]
    assert "trackio.py" in log
    assert code == 3


def test_a_library_that_kills_the_process_leaves_nothing_sent(run: Path) -> None:
    reports, _, code = track(run, DIES)
    assert (reports, code) == ([], 9)
    assert list((run / "trackers/trackio").glob("cursor-*")) == []


def test_what_a_library_raises_is_told_in_one_line(run: Path) -> None:
    reports, log, code = track(run, RAISES)
    why = "ConnectionError: no route to the server"
    assert reports == [{"state": "failed", "kind": "other", "why": why}]
    assert "Traceback" in log
    assert code == 3


def test_an_absent_library_is_told_with_the_command_that_installs_it(run: Path) -> None:
    blocked = "import sys\nraise ImportError('x')\n"
    # `find_spec` answers None for a name whose entry in sys.modules is None.
    (run / "stand-in").mkdir()
    (run / "stand-in/sitecustomize.py").write_text(
        "import importlib.util as u\nown = u.find_spec\n"
        "u.find_spec = lambda name, base=None: None if name == 'trackio' else own(name, base)\n"
    )
    reports, _, code = track(run, blocked)
    assert reports[0]["kind"] == "absent"
    assert reports[0]["why"].endswith("-m pip install trackio` installs it")
    assert code == 3
