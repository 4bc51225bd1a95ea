"""The real worker's own main, with an engine of the script's."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "python"))

from averse_worker import __main__ as worker
from averse_worker.engine.contract import Engine


def serve(build: Callable[[], Engine]) -> None:
    """Runs until told to stop; arguments that the worker does not know are left out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--session", required=True)
    known, _ = parser.parse_known_args()
    worker.build_engine = lambda _name, _place: build()  # type: ignore[attr-defined]
    arguments = ["--endpoint", known.endpoint, "--session", known.session, "--engine", "fake"]
    sys.exit(worker.main(arguments))
