"""`python -m averse_tracker RUN`: sends a run's journal to one tracker, during the run and after.

Standard input: one line of JSON, the tracker's settings; it stays open as long as more may come,
and its end means: send what is there by then and stop. Standard output: one line of JSON per
report,

    {"state": "sent", "seq": …}                      so far
    {"state": "done", "seq": …, "points": …, "place": …}
    {"state": "failed", "kind": "absent" | "busy" | "hung" | "other", "why": …}

This process has no part in the run: it reads its folder and writes below `trackers/` alone.
"""

import faulthandler
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

SECONDS_BETWEEN_LOOKS: Final = 0.5
NICENESS: Final = 10
"""The run comes first where the processor is scarce."""


class Reports:
    """Lines of JSON on what was standard output; libraries that print write to standard error."""

    def __init__(self) -> None:
        self._out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def tell(self, **report: Any) -> None:
        """One line. Nobody may be there any more to read it."""
        with self._lock:
            try:
                self._out.write(json.dumps(report) + "\n")
                self._out.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())


class TimeLimit:
    """Ends the process where a library does not answer: stacks go to standard error.

    A thread reports it; where the library does not let one run, `faulthandler` ends the process a
    little later all the same.
    """

    def __init__(self, seconds: float, reports: Reports, name: str) -> None:
        self._seconds = seconds
        self._reports = reports
        self._name = name

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        timer = threading.Timer(self._seconds, self._end, [stage])
        timer.daemon = True
        timer.start()
        faulthandler.dump_traceback_later(self._seconds + 5, exit=True)
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _end(self, stage: str) -> None:
        why = f"{self._name} gave no answer for {self._seconds:g} s ({stage})"
        self._reports.tell(state="failed", kind="hung", why=why)
        faulthandler.dump_traceback(all_threads=True)
        os._exit(3)


def main(run: Path) -> int:
    """Exit code: 0 when everything was sent."""
    # The terminal's Ctrl-C is the controller's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    reports = Reports()
    line = sys.stdin.buffer.readline()
    from averse_tracker.contract import AbsentError, Place, Settings
    from averse_tracker.cursor import BusyError, Cursor, read_cursor, sole_sender
    from averse_tracker.libraries.registry import open_tracker
    from averse_tracker.sender import Sender, destination_key
    from averse_worker.platform.files import write_whole

    try:
        given = json.loads(line)
        again = bool(given.pop("again", False))
        settings = Settings(**{**given, "tags": tuple(given.get("tags", ()))})
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        folder = run / "trackers" / settings.name
        folder.mkdir(parents=True, exist_ok=True)
        run_id = f"{run.name} {manifest['started']}"
        attempts = folder / "again"
        times = int(attempts.read_text()) if attempts.exists() else 0
        with sole_sender(folder / "lock"):
            if again:
                times += 1
                write_whole(attempts, str(times).encode())
            key = destination_key(run_id, settings, times)
            cursor_file = folder / f"cursor-{key}.json"
            cursor = Cursor() if again else read_cursor(cursor_file)
            guard = TimeLimit(settings.timeout, reports, settings.name)
            with guard("opening"):
                tracker = open_tracker(settings, Place(folder, cursor.kept))
            sender = Sender(run, manifest, settings, tracker, cursor, cursor_file, key, guard)
            _send_all(sender, cursor, reports)
            sender.close()
            reports.tell(state="done", seq=cursor.seq, points=sender.sent, place=tracker.place)
        return 0
    except AbsentError as error:
        reports.tell(state="failed", kind="absent", why=str(error))
    except BusyError as error:
        reports.tell(state="failed", kind="busy", why=str(error))
    except Exception as error:  # whatever a library raises
        traceback.print_exc()
        first = str(error).strip().split("\n")[0]
        reports.tell(state="failed", kind="other", why=f"{type(error).__name__}: {first}")
    return 3


def _send_all(sender: Any, cursor: Any, reports: Reports) -> None:
    """Until standard input has ended and nothing new is there."""
    while True:
        more = not _has_ended()
        if sender.send_new():
            reports.tell(state="sent", seq=cursor.seq)
        elif more:
            select.select([sys.stdin.buffer], [], [], SECONDS_BETWEEN_LOOKS)
        if not more:
            return


def _has_ended() -> bool:
    ready, _, _ = select.select([sys.stdin.buffer], [], [], 0)
    return bool(ready) and os.read(sys.stdin.fileno(), 4096) == b""


if __name__ == "__main__":
    code = main(Path(sys.argv[1]).resolve())
    sys.stderr.flush()
    # Threads of a library that still waits must not keep the process.
    os._exit(code)
