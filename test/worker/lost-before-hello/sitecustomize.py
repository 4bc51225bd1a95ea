"""On PYTHONPATH: workers that meet their end after the handshake and before their hello.

AVERSE_TEST_ENDS names a file with one end per worker, the last first: the name of a signal, an exit
code, or `hang`. Once it is empty, workers are as they should be.
"""

import os
import signal
import sys
import time
from pathlib import Path

ENDS = Path(os.environ.get("AVERSE_TEST_ENDS", os.devnull))

if "--endpoint" in sys.orig_argv:
    from averse_worker.wire.server import Server

    greet = Server.greet

    def meet_end(server: Server) -> None:
        *rest, end = ENDS.read_text().split() or [""]
        if end != "":
            ENDS.write_text("\n".join(rest))
            # The handshake, which stays there for the worker itself.
            server._send_bytes.__self__._events.poll()  # type: ignore[attr-defined]
            # Its routing id comes behind it; without that a ROUTER knows nobody.
            time.sleep(0.5)
            meet(end)
        greet(server)

    def meet(end: str) -> None:
        print(f"it meets its end: {end}", file=sys.stderr, flush=True)
        if end == "hang":
            time.sleep(600)
        elif end.isdigit():
            os._exit(int(end))
        else:
            os.kill(os.getpid(), signal.Signals[end])

    Server.greet = meet_end  # type: ignore[method-assign]
