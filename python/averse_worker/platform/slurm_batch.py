"""`python slurm_batch.py JSON` runs a worker as a batch job of Slurm while this program lives.

    controller ── this driver ── sbatch ── slurmctld ── slurmd ── worker
        ╚═════════════════════ tcp, CURVE ═══════════════════════════╝

For clusters that take batch jobs alone. The job's state goes to standard error with each change,
and so does what the worker prints, which comes through a file that both machines see. SIGTERM takes
the job away. A file to be run by its path: it needs Python alone.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

REFUSED = 96
"""Exit code for a job that Slurm does not take, or that was too big."""

DISPLACED = 97
"""Exit code for a job that Slurm took away: the next one may run to its end."""

LOOK_SECONDS = 0.5
"""Between two looks into the file of the job's output."""

ASK_SECONDS = (2.0, 30.0)
"""Between two questions to Slurm, which serves all its users: at first, and after a minute of a
state."""

AWAY = 5
"""Questions in a row that Slurm may leave unanswered before the job counts as lost."""


def main(request: dict[str, Any], clock: Callable[[], float] = time.monotonic) -> int:
    """Returns the worker's exit code.

    `request`: `options` of sbatch, `script` for `sh` on the node, `keys` (a file, or null), which
    the script reads from standard input, and `output`, a file that both machines see.
    """
    job = _submit(request)
    # `scancel` of the job's name is the controller's to run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    state, changed, asked, unanswered, ends = "", clock(), 0.0, 0, False
    with Path(request["output"]).open("rb") as output:
        while True:
            speaks = _pass_on(output)
            wait = ASK_SECONDS[clock() - changed > 60]
            ends = ends or any(words in speaks for words in LAST_WORDS)
            if not ends and clock() - asked < wait:
                time.sleep(LOOK_SECONDS)
                continue
            asked = clock()
            found = _state_of(job)
            unanswered = unanswered + 1 if found is None else 0
            if unanswered >= AWAY:
                _refuse(f"Slurm no longer knows job {job}, or does not answer", DISPLACED)
            if found is None:
                continue
            if (told := f"job {job} {found['JobState']} ({found['Reason']})") != state:
                state, changed = told, clock()
                _say(told)
            if found["JobState"] in ALIVE:
                time.sleep(LOOK_SECONDS if ends else 0)
            else:
                # The last lines may come late over a network's file system.
                time.sleep(LOOK_SECONDS)
                _pass_on(output)
                return _outcome(job, found)


UNFIT = frozenset({"OUT_OF_MEMORY", "DEADLINE"})
"""States in which the next job would end as well."""

ALIVE = frozenset({"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING"})

LAST_WORDS = (b": error: *** ", b"averse_worker: exiting with code")
"""Of Slurm and of a worker; a job's end is looked for at once behind them."""


def _submit(request: dict[str, Any]) -> str:
    script = request["script"]
    if request["keys"] is not None:
        # Slurm keeps a job's script for its user and for administrators alone.
        keys = Path(request["keys"]).read_text("utf-8").strip()
        script = f"exec <<'KEYS'\n{keys}\nKEYS\n{script}"
    done = subprocess.run(
        ["sbatch", "--parsable", *request["options"]],
        input=f"#!/bin/sh\n{script}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stderr.splitlines():
        _say(line)
    if done.returncode != 0:
        sys.exit(REFUSED)
    return done.stdout.strip().split(";")[0]


def _state_of(job: str) -> dict[str, str] | None:
    """What Slurm knows of the job; None: nothing, or it does not answer."""
    done = subprocess.run(
        ["scontrol", "show", "job", job, "--oneliner"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    pairs = (word.partition("=") for word in done.stdout.split())
    found = {name: value for name, equals, value in pairs if equals}
    return found if "JobState" in found else None


def _outcome(job: str, found: dict[str, str]) -> int:
    state = found["JobState"]
    code, number = (int(part) for part in found["ExitCode"].split(":"))
    if state in ("COMPLETED", "FAILED", "COMPLETING"):
        return code if number == 0 else 128 + number
    code = REFUSED if state in UNFIT else DISPLACED
    return _refuse(f"job {job} was ended by Slurm: {state}", code)


def _pass_on(output: BinaryIO) -> bytes:
    new = output.read()
    if new:
        sys.stderr.buffer.write(new)
        sys.stderr.buffer.flush()
    return new


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _refuse(text: str, code: int) -> NoReturn:
    _say(f"averse: {text}")
    sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
