"""`python ray_task.py JSON` runs a worker as a task of a Ray cluster while this program lives.

    controller ── this driver ── Ray ── task on a node ── sh ── worker
        ╚══════════════════ tcp, CURVE ═════════════════════════╝

Lines of the worker's standard error come back as the task's results, and its exit code last. Ray
ends the tasks of a driver that is gone, so the worker lives no longer than the controller. A file
to be run by its path: it needs the package ray, and nothing of this one.
"""

import os
import sys

# The files beside this one must not stand before Python's own modules: one is http.py.
sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(__file__)]  # noqa: PTH120

import json  # noqa: E402
import logging  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NoReturn  # noqa: E402

REFUSED = 96
"""Exit code for what Ray and not the worker did."""

DISPLACED = 97
"""Exit code where Ray had given the worker a place and lost it: its node died, say."""

SOON_SECONDS = 2
"""A task that has not begun by then waits for resources."""

ASK_SECONDS = 30
"""Between two looks at why it still waits."""


def main(request: dict[str, Any]) -> int:
    """Returns the worker's exit code.

    `request`: `address` of the cluster, `num_cpus`, `num_gpus`, `resources` (name → amount),
    `script` for `sh` on the node, `variables` (names, with the values that they have here), `keys`
    (a file, or null).
    """
    try:
        import ray
    except ImportError as error:
        _refuse(
            f"{error}; install ray into {sys.executable}, or name a Python in ray.client_python"
        )
    try:
        ray.init(
            address=request["address"],
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            configure_logging=True,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        _refuse(f"no Ray cluster at {request['address']}: {_one_line(error)}")
    keys = b""
    if request["keys"] is not None:
        keys = Path(request["keys"]).read_bytes()
    variables = {name: os.environ[name] for name in request["variables"]}
    needs = {
        "num_cpus": request["num_cpus"],
        "num_gpus": request["num_gpus"],
        "resources": request["resources"],
    }
    task = ray.remote(max_retries=0, num_returns="streaming", **needs)(_serve)
    answers = task.remote(request["script"], variables, keys)
    told = None
    try:
        while not ray.wait([answers], timeout=SOON_SECONDS if told is None else ASK_SECONDS)[0]:
            why = _why(ray, request)
            if why != told:
                _say(f"queued by Ray: {why}")
            told = why
        for answer in answers:
            kind, value = ray.get(answer)
            if kind == "node":
                _say(f"started by Ray on {value}")
            elif kind == "line":
                print(value, end="", file=sys.stderr, flush=True)
            else:
                return int(value)
    # Without its head the cluster answers a question with an error of RPC, which is a RuntimeError.
    except (ray.exceptions.RayError, RuntimeError) as error:
        own = isinstance(error, ray.exceptions.RayTaskError)
        _refuse(_one_line(error), REFUSED if own else DISPLACED)
    return _refuse("Ray ended the task without a word", DISPLACED)


def _serve(script: str, variables: dict[str, str], keys: bytes) -> Iterator[tuple[str, str | int]]:
    """On the node."""
    yield "node", os.uname().nodename
    with subprocess.Popen(
        ["sh", "-c", script],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=False,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stderr is not None
        worker.stdin.write(keys)
        worker.stdin.close()
        for line in worker.stderr:
            yield "line", line.decode(errors="replace")
    # As a shell tells a signal.
    code = worker.returncode
    yield "end", code if code >= 0 else 128 - code


def _why(ray: Any, request: dict[str, Any]) -> str:
    needs = {
        "CPU": request["num_cpus"],
        "GPU": request["num_gpus"],
        **request["resources"],
    }
    needs = {name: amount for name, amount in needs.items() if amount > 0}
    words = ", ".join(f"{amount:g} {name}" for name, amount in needs.items())
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    could = any(
        all(node.get(name, 0) >= amount for name, amount in needs.items()) for node in nodes
    )
    if could:
        return f"waiting until a node has {words} free"
    return f"no node of the cluster has {words}; waiting for one that does"


def _one_line(error: BaseException) -> str:
    """The first sentence of one that Ray tells in paragraphs."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    sentence = lines[0].split(". ")[0] if lines else "it says no more"
    return f"{type(error).__name__}: {sentence}"


def _say(text: str) -> None:
    print(f"averse: {text}", file=sys.stderr, flush=True)


def _refuse(text: str, code: int = REFUSED) -> NoReturn:
    _say(text)
    sys.exit(code)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
